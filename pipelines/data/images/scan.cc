#include "pipelines/data/images/scan.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

extern char** environ;

namespace luthier::data::images {
namespace {

constexpr int kTimeoutMs = 30'000;
constexpr std::size_t kAnswerBytesMax = 64 << 10;

std::string failed(const std::string& why) { return "the content scan failed: " + why; }

std::size_t keep_answer(const char* bytes, std::size_t, std::size_t count, void* data) {
  auto* answer = static_cast<std::string*>(data);
  if (answer->size() + count > kAnswerBytesMax) {
    return 0;
  }
  answer->append(bytes, count);
  return count;
}

std::optional<std::string> scan_by_url(const std::string& url, const std::string& bytes) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(::curl_easy_init(), ::curl_easy_cleanup);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      ::curl_slist_append(nullptr, "Content-Type: application/octet-stream"), ::curl_slist_free_all);
  std::string answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(kTimeoutMs));
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, bytes.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, keep_answer);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  const CURLcode outcome = ::curl_easy_perform(curl.get());
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (outcome != CURLE_OK || status != 200) {
    return failed(outcome != CURLE_OK ? ::curl_easy_strerror(outcome) : "it answers " + std::to_string(status));
  }
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("allowed") || !json["allowed"].is_boolean()) {
    return failed("its answer is not {\"allowed\": true or false}");
  }
  if (json["allowed"].get<bool>()) {
    return std::nullopt;
  }
  const auto reason = json.find("reason");
  return reason != json.end() && reason->is_string() ? reason->get<std::string>() : "refused";
}

// The image in a file of its own, which goes with this object.
class ImageFile {
 public:
  explicit ImageFile(const std::string& bytes) {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "luthier-image-XXXXXX").string();
    const UniqueFd fd(::mkostemp(path_.data(), O_CLOEXEC));
    written_ = fd.valid() && write_all(fd.get(), bytes).has_value();
  }
  ~ImageFile() { ::unlink(path_.c_str()); }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;
  [[nodiscard]] bool written() const { return written_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool written_ = false;
};

// What comes out of `fd` until its end; false when that takes longer than the timeout.
bool read_output(int fd, std::string& output) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  std::array<char, 4'096> buffer{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
    if (ready == 0) {
      return false;
    }
    const ssize_t got = ready < 0 ? -1 : ::read(fd, buffer.data(), buffer.size());
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return true;
    }
    if (got > 0 && output.size() < kAnswerBytesMax) {
      output.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
}

// The child's status; one that goes on after its output has ended is ended soon.
int wait_for(pid_t child, bool in_time) {
  constexpr int kPauseMs = 10;
  int status = 0;
  for (int waited_ms = 0; in_time && waited_ms < kTimeoutMs / 6; waited_ms += kPauseMs) {
    if (::waitpid(child, &status, WNOHANG) == child) {
      return status;
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  ::kill(-child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::optional<std::string> scan_by_program(const std::string& program, const std::string& bytes) {
  const ImageFile file(bytes);
  std::array<int, 2> pipe{};
  if (!file.written() || ::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return failed("no temporary file or pipe could be made");
  }
  const UniqueFd reading(pipe[0]);
  UniqueFd writing(pipe[1]);
  ChildOptions options;
  options.argv = {program, file.path()};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    options.environment.emplace_back(*entry);
  }
  options.stdout_fd = writing.get();
  options.stderr_fd = STDERR_FILENO;
  options.new_session = true;
  const auto child = spawn_child(options);
  if (!child) {
    return failed(child.error().message);
  }
  writing.reset();
  std::string output;
  const bool in_time = read_output(reading.get(), output);
  if (!in_time) {
    ::kill(-*child, SIGKILL);
  }
  const int status = wait_for(*child, in_time);
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return std::nullopt;
  }
  if (!in_time || !WIFEXITED(status) || WEXITSTATUS(status) != 1) {
    return failed(!in_time ? "it took longer than 30 s" : "it did not end with 0 or 1");
  }
  const std::string reason = output.substr(0, output.find('\n'));
  return reason.empty() ? "refused" : reason;
}

}  // namespace

std::optional<std::string> scan_image(const std::string& scan, const std::string& bytes) {
  const bool url = scan.starts_with("http://") || scan.starts_with("https://");
  return url ? scan_by_url(scan, bytes) : scan_by_program(scan, bytes);
}

}  // namespace luthier::data::images
