// Runs a fuzz target once for every file of the folders named on the command line, and with --seconds N first also on
// random changes of them for that long. Fails when there is no file: an empty corpus tests nothing. The input of a
// crash is written to luthier-finding in the folder for temporary files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "tests/fuzz/fuzz.h"

namespace {

std::string current_input;
std::string finding_path;

extern "C" void keep_input(int signal_number) {
  const int fd = ::open(finding_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd >= 0 && ::write(fd, current_input.data(), current_input.size()) >= 0) {
    (void)!::write(STDERR_FILENO, "its input is in ", 16);
    (void)!::write(STDERR_FILENO, finding_path.data(), finding_path.size());
    (void)!::write(STDERR_FILENO, "\n", 1);
  }
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

void run(std::string input) {
  current_input = std::move(input);
  luthier::fuzz::one_input(current_input);
}

// Of one input and parts of others; the same in every run.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& inputs) : inputs_(inputs) {}

  std::string next() {
    std::string input = inputs_[below(inputs_.size())];
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
      change(input);
    }
    input.resize(std::min<std::size_t>(input.size(), 16'384));
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_.below(bound); }

  void change(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = std::min(input.size() - at, 1 + below(16));
    switch (below(6)) {
      case 0: input.insert(at, 1, static_cast<char>(random_.below(256))); break;
      case 1: input.erase(at, length); break;
      case 2: input.insert(at, input.substr(below(input.size() + 1), length)); break;
      case 3: {
        const std::string& other = inputs_[below(inputs_.size())];
        input.insert(at, other.substr(below(other.size() + 1), below(64)));
        break;
      }
      case 4: input.insert(at, 1, "\"{}[],:\\\n\r\t 0-"[below(14)]); break;
      default:
        if (at < input.size()) {
          input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        }
    }
  }

  const std::vector<std::string>& inputs_;
  luthier::Random random_{7};
};

}  // namespace

int main(int argument_count, char** arguments) {
  std::chrono::seconds duration{0};
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argument_count; ++i) {
    if (std::strcmp(arguments[i], "--seconds") == 0 && i + 1 < argument_count) {
      duration = std::chrono::seconds(std::atoi(arguments[++i]));
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  finding_path = (std::filesystem::temp_directory_path() / "luthier-finding").string();
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal_number, keep_input);
  }
  std::vector<std::string> inputs;
  for (const std::filesystem::path& file : files) {
    const auto bytes = luthier::read_file(file);
    LUTHIER_CHECK(bytes.has_value());
    std::fprintf(stderr, "%s\n", file.c_str());  // the last line names the input of a crash
    run(*bytes);
    inputs.push_back(*bytes);
  }
  std::size_t changed = 0;
  Mutator mutator(inputs);
  const auto end = std::chrono::steady_clock::now() + duration;
  for (; !inputs.empty() && std::chrono::steady_clock::now() < end; ++changed) {
    run(mutator.next());
  }
  std::printf("%zu inputs, %zu changed ones\n", files.size(), changed);
  return files.empty() ? 1 : 0;
}
