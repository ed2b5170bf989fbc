#include "cli/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgot to say so in the header
#include <sys/pidfd.h>
}

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace luthier::cli {
namespace {

constexpr std::size_t kProcBytesMax = 1 << 20;

// A file of /proc, which has no size; "" when it is gone or not ours to read.
std::string read_proc(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char bytes[4096];
  while (file.valid() && text.size() < kProcBytesMax) {
    const ssize_t count = ::read(file.get(), bytes, sizeof bytes);
    if (count <= 0) {
      break;
    }
    text.append(bytes, static_cast<std::size_t>(count));
  }
  return text;
}

// Whether one of the zero-terminated strings of `text` starts with `prefix`.
bool has_entry(std::string_view text, const std::string& prefix) {
  while (!text.empty()) {
    if (text.starts_with(prefix)) {
      return true;
    }
    const std::size_t end = text.find('\0');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return false;
}

std::optional<Leftover> look_at(pid_t pid, const std::string& folder) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const std::string command = read_proc(proc + "/cmdline");
  const std::string program = command.substr(0, command.find('\0'));
  if (program.ends_with("luthier-shim") && has_entry(command, folder)) {
    return Leftover{pid, true};
  }
  if (has_entry(read_proc(proc + "/environ"), "LUTHIER_JOB=" + folder)) {
    return Leftover{pid, false};
  }
  return std::nullopt;
}

std::string prefix_of(const std::filesystem::path& folder) {
  return std::filesystem::absolute(folder).lexically_normal().string() + "/";
}

}  // namespace

std::vector<Leftover> find_leftovers(const std::filesystem::path& agents_folder) {
  const std::string folder = prefix_of(agents_folder);
  std::vector<Leftover> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir("/proc"), ::closedir);
  while (entries) {
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) {
      break;
    }
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid > 0 && pid != ::getpid()) {
      if (const auto leftover = look_at(pid, folder)) {
        found.push_back(*leftover);
      }
    }
  }
  return found;
}

void signal_leftover(const Leftover& leftover, const std::filesystem::path& agents_folder, int signal) {
  const UniqueFd process(::pidfd_open(leftover.pid, 0));
  // Looked at again once held: the descriptor stays with this process, whatever the number is given to.
  if (process.valid() && look_at(leftover.pid, prefix_of(agents_folder))) {
    ::pidfd_send_signal(process.get(), signal, nullptr, 0);
  }
}

}  // namespace luthier::cli
