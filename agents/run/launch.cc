#include "agents/run/launch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "agents/run/command_step.h"
#include "agents/shim/lock.h"
#include "agents/shim/runtime_folder.h"
#include "base/child_process.h"
#include "base/file.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr milliseconds kStartTimeout{30'000};

Result<std::vector<std::string>> command_of(const Json& with) {
  const Json command = with.value("command", Json());
  if (command.is_string()) {
    return std::vector<std::string>{"/bin/sh", "-c", command.get<std::string>()};
  }
  const auto is_text = [](const Json& item) { return item.is_string(); };
  if (command.is_array() && !command.empty() && std::all_of(command.begin(), command.end(), is_text)) {
    return command.get<std::vector<std::string>>();
  }
  return Error{ErrorCode::kInvalidArgument, "`command` of a run step must be text, or a list of texts"};
}

Result<std::vector<std::string>> argv_of(const Assignment& assignment, const Programs& programs) {
  const std::string& uses = assignment.uses;
  if (uses == "run") {
    return command_of(assignment.with);
  }
  const bool is_worker = uses == "train" || uses == "eval" || uses == "serve";
  if (!is_worker && uses != "prepare" && uses != "pack") {
    return Error{ErrorCode::kInvalidArgument, "this agent cannot run a step that uses '" + uses + "'"};
  }
  const fs::path& program = is_worker ? programs.worker : programs.prep;
  if (::access(program.c_str(), X_OK) != 0) {
    return Error{ErrorCode::kNotFound, "there is no program " + program.string() + " on this agent to run '" + uses +
                                           (is_worker ? "'; install it, or name it with --worker" : "'; install it")};
  }
  return std::vector<std::string>{program.string(), uses};
}

std::string join_numbers(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) {
    text += (text.empty() ? "" : ",") + std::to_string(number);
  }
  return text;
}

void add_variables(const Json& with, std::vector<std::string>& environment) {
  const Json variables = with.value("env", Json::object());
  for (const auto& [name, value] : variables.items()) {
    if (!name.starts_with("LUTHIER_") && name != "CUDA_VISIBLE_DEVICES" && name != "CUDA_DEVICE_ORDER") {
      environment.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    }
  }
}

Result<void> spawn_shim(const fs::path& attempt_folder, const fs::path& program) {
  const UniqueFd log(
      ::open((attempt_folder / shim::kShimLogFile).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ChildOptions options;
  options.argv = {program.string(), attempt_folder.string()};
  options.environment = {std::string("PATH=") + kPath, "LANG=C.UTF-8"};
  options.workdir = "/";
  options.stderr_fd = log.get();
  return spawn_detached(options);
}

}  // namespace

Result<shim::Launch> make_launch(const fs::path& attempt_folder, const Assignment& assignment, const std::string& nonce,
                                 const Programs& programs, const LaunchOptions& options) {
  shim::Launch launch;
  LUTHIER_TRY(launch.argv, argv_of(assignment, programs));
  const fs::path work = attempt_folder / "work";
  launch.workdir = work;
  if (assignment.uses == "run") {
    LUTHIER_TRY(launch.workdir, command_folder(work, assignment.with));
  }
  launch.runtime_folder = shim::runtime_folder_for(nonce);
  launch.nonce = nonce;
  launch.grace_ms = options.grace_ms;
  launch.orphan_timeout_ms = options.orphan_timeout_ms;
  launch.user = options.user;
  launch.lease_stop_at_ms = options.lease.stop_at_ms;
  launch.lease_kill_at_ms = options.lease.kill_at_ms;
  if (!options.cgroup.empty()) {
    launch.cgroup = options.cgroup / ("luthier-" + nonce);
    launch.cpus_max = assignment.cpus;
  }
  if (assignment.memory_bytes > 0) {
    launch.memory_bytes_max = assignment.memory_bytes;
    if (options.cgroup.empty() && assignment.gpus.empty()) {  // a GPU's driver maps far more than is ever touched
      launch.data_bytes_max = assignment.memory_bytes;
    }
  }
  if (assignment.uses == "run") {
    add_variables(assignment.with, launch.environment);
  }
  const auto fixed = [&](const std::string& name, const std::string& value) {
    const auto is_same = [&](const std::string& entry) { return entry.starts_with(name + "="); };
    if (std::none_of(launch.environment.begin(), launch.environment.end(), is_same)) {
      launch.environment.push_back(name + "=" + value);
    }
  };
  fixed("PATH", kPath);
  fixed("HOME", work.string());
  fixed("LANG", "C.UTF-8");
  fixed("TMPDIR", (work / "tmp").string());
  fixed("CUDA_VISIBLE_DEVICES", join_numbers(assignment.gpus));
  fixed("CUDA_DEVICE_ORDER", "PCI_BUS_ID");  // numbers as NVML gives them, by which they were promised
  fixed("LUTHIER_JOB", (attempt_folder / "job.json").string());
  fixed("LUTHIER_WORK", work.string());
  fixed("LUTHIER_SOCKET", (launch.runtime_folder / shim::kWorkerSocket).string());
  if (const std::size_t colon = assignment.rendezvous.rfind(':'); colon != std::string::npos) {
    // The names that torch.distributed and most launchers read.
    fixed("RANK", std::to_string(assignment.attempt.rank));
    fixed("WORLD_SIZE", std::to_string(assignment.world_size));
    fixed("LOCAL_RANK", "0");
    fixed("MASTER_ADDR", assignment.rendezvous.substr(0, colon));
    fixed("MASTER_PORT", assignment.rendezvous.substr(colon + 1));
  }
  if (assignment.uses == "serve") {
    fixed("LUTHIER_SERVE_SOCKET", (launch.runtime_folder / shim::kServeSocket).string());
  }
  return launch;
}

Result<pid_t> start_shim(const fs::path& attempt_folder, const shim::Launch& launch, const fs::path& shim_program) {
  LUTHIER_TRY_VOID(replace_file(attempt_folder / shim::kLaunchFile, to_json(launch).dump(), 0600));
  LUTHIER_TRY_VOID(spawn_shim(attempt_folder, shim_program));
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  std::chrono::milliseconds pause(1);
  while (true) {
    const bool locked = shim::attempt_is_locked(attempt_folder);  // before the files are looked at
    if (auto started = shim::read_started_file(attempt_folder)) {
      return started->process.pid;
    }
    const bool died =
        !locked && fs::exists(attempt_folder / shim::kShimFile) && !shim::attempt_is_locked(attempt_folder);
    if (died || fs::exists(attempt_folder / shim::kExitFile)) {
      return pid_t{0};
    }
    std::error_code code;
    const bool complained = fs::file_size(attempt_folder / shim::kShimLogFile, code) > 0 && !code;
    if (!locked && (complained || std::chrono::steady_clock::now() > deadline)) {
      const auto said = read_file(attempt_folder / shim::kShimLogFile, 1 << 16);
      return Error{ErrorCode::kUnavailable,
                   "luthier-shim did not start the step: " + (said && !said->empty() ? *said : "it said nothing")};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
}

}  // namespace luthier::agents
