#include "cli/step_program.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <thread>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The last message of this type among the lines it wrote; null when there is none.
Json last_message(const fs::path& output, const std::string& type) {
  const Result<std::string> text = read_file(output);
  std::istringstream lines(text ? *text : "");
  Json found;
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("type", Json()) == type) {
      found = std::move(json);
    }
  }
  return found;
}

Result<int> run_and_wait(const fs::path& program, const std::string& uses, const fs::path& folder) {
  const UniqueFd output(::open((folder / "output").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const UniqueFd log(::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (output.get() < 0 || log.get() < 0) {
    return Error{ErrorCode::kInvalidArgument, "cannot write into " + folder.string()};
  }
  ChildOptions options{.argv = {program.string(), uses},
                       .environment = {"LUTHIER_JOB=" + fs::absolute(folder / "job.json").string(), "LANG=C.UTF-8",
                                       "PATH=/usr/local/bin:/usr/bin:/bin"},
                       .workdir = folder,
                       .stdout_fd = output.get(),
                       .stderr_fd = log.get()};
  LUTHIER_TRY(const pid_t pid, spawn_child(options));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return Error{ErrorCode::kInternal, "waiting for " + program.filename().string() + " failed"};
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<fs::path> find_beside(const std::string& program) {
  std::error_code failure;
  const fs::path found = fs::read_symlink("/proc/self/exe", failure).parent_path() / program;
  if (failure || !fs::exists(found, failure)) {
    return Error{ErrorCode::kFailedPrecondition, found.string() + " is not there"};
  }
  return found;
}

Result<Json> run_step_program(const fs::path& program, const std::string& uses, const Json& with,
                              const fs::path& folder) {
  const Json job{
      {"version", 1},          {"run", "local"},
      {"step", uses},          {"attempt", 1},
      {"uses", uses},          {"with", with},
      {"gpus", Json::array()}, {"threads", static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))}};
  LUTHIER_TRY_VOID(write_file_atomically(folder / "job.json", job.dump() + "\n"));
  LUTHIER_TRY(const int status, run_and_wait(program, uses, folder));
  if (status != 0) {
    const Json error = last_message(folder / "output", "error");
    return Error{ErrorCode::kInternal,
                 error.is_object() ? error.value("message", "")
                                   : "exit " + std::to_string(status) + "; its log is " + (folder / "log").string()};
  }
  const Json result = last_message(folder / "output", "result");
  return result.is_object() ? result.value("outputs", Json::object()) : Json::object();
}

}  // namespace luthier::cli
