#include "cli/merge.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The message of the worker's last `error` line; "" when it said none.
std::string complaint(const fs::path& output) {
  const Result<std::string> text = read_file(output);
  std::istringstream lines(text ? *text : "");
  std::string message;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("type", "") == "error") {
      message = json.value("message", "");
    }
  }
  return message;
}

Result<int> run_worker(const fs::path& worker, const fs::path& parts) {
  const UniqueFd output(::open((parts / "output").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const UniqueFd log(::open((parts / "log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (output.get() < 0 || log.get() < 0) {
    return Error{ErrorCode::kInvalidArgument, "cannot write into " + parts.string()};
  }
  ChildOptions options{.argv = {worker.string(), "merge"},
                       .environment = {"LUTHIER_JOB=" + fs::absolute(parts / "job.json").string(), "LANG=C.UTF-8",
                                       "PATH=/usr/local/bin:/usr/bin:/bin"},
                       .workdir = parts,
                       .stdout_fd = output.get(),
                       .stderr_fd = log.get()};
  LUTHIER_TRY(const pid_t pid, spawn_child(options));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return Error{ErrorCode::kInternal, "waiting for luthier-worker failed"};
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<fs::path> find_worker() {
  std::error_code failure;
  const fs::path worker = fs::read_symlink("/proc/self/exe", failure).parent_path() / "luthier-worker";
  if (failure || !fs::exists(worker, failure)) {
    return Error{ErrorCode::kFailedPrecondition,
                 "--merge needs luthier-worker beside this program, and " + worker.string() +
                     " is not there; build it (LUTHIER_WORKER=ON), or export without --merge and merge with PEFT"};
  }
  return worker;
}

Result<void> merge_parts(const fs::path& worker, const fs::path& parts, const fs::path& folder) {
  const auto part = [&](const char* name, const char* kind) {
    return Json{{"$path", fs::absolute(parts / name).string()}, {"kind", kind}};
  };
  const Json job{{"version", 1},
                 {"run", "export"},
                 {"step", "merge"},
                 {"attempt", 1},
                 {"uses", "merge"},
                 {"with", {{"model", {{"base", part("base", "model")}, {"adapter", part("adapter", "adapter")}}}}},
                 {"gpus", Json::array()},
                 {"threads", static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))}};
  LUTHIER_TRY_VOID(write_file_atomically(parts / "job.json", job.dump() + "\n"));
  LUTHIER_TRY(const int status, run_worker(worker, parts));
  if (status != 0) {
    const std::string message = complaint(parts / "output");
    return Error{ErrorCode::kInternal,
                 "luthier-worker could not merge: " +
                     (message.empty() ? "exit " + std::to_string(status) + "; its log is " + (parts / "log").string()
                                      : message)};
  }
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(parts / "merged", failure)) {
    fs::rename(entry.path(), folder / entry.path().filename(), failure);
    if (failure) {
      return Error{ErrorCode::kInternal, "moving " + entry.path().string() + ": " + failure.message()};
    }
  }
  fs::remove_all(parts, failure);
  return {};
}

}  // namespace luthier::cli
