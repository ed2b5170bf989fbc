#include "agents/runtime.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "agents/device/devices.h"
#include "agents/device/local_address.h"
#include "agents/link/blob_link.h"
#include "agents/link/control_link.h"
#include "agents/link/inference_link.h"
#include "agents/link/session.h"
#include "agents/link/telemetry_link.h"
#include "agents/run/runner.h"
#include "agents/run/step_user.h"
#include "agents/shim/cgroup.h"
#include "agents/shim/process_tree.h"
#include "agents/version.h"
#include "base/file.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr milliseconds kDrainPoll{200};

Programs find_programs(const Config& config) {
  std::error_code code;
  const fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
  return Programs{.shim = folder / "luthier-shim",
                  .worker = config.worker.empty() ? folder / "luthier-worker" : fs::absolute(config.worker, code),
                  .prep = folder / "luthier-prep"};
}

// Told well before it ends the process.
SilenceLimits silence_limits(const Config& config) {
  SilenceLimits limits{.hang_ms = config.hang_timeout.count(), .stall_ms = config.stall_timeout.count()};
  if (limits.hang_ms > 0) {
    limits.notice_ms = std::min(limits.notice_ms, limits.hang_ms / 2);
  }
  return limits;
}

// A machine without GPUs keeps no driver open.
std::unique_ptr<GpuReader> open_gpus(const std::string& library, const Devices& devices, Log& log) {
  if (devices.gpus.empty()) {
    return nullptr;
  }
  auto reader = open_gpu_reader(library);
  if (!reader) {
    log.warning("gpu_use_unknown", {{"why", reader.error().message}});
    return nullptr;
  }
  return std::move(*reader);
}

}  // namespace

// In the order of need: the links and the runner post to the strand; the strand's effects go to them.
struct AgentRuntime::Parts {
  Parts(const AgentRuntime& runtime, const Session& session, HelloFacts facts, GpuReader* gpus,
        std::optional<ChildUser> step_user)
      : strand(runtime.clock_,
               Options{.stop_grace = runtime.config_.stop_grace, .hang_timeout = runtime.config_.hang_timeout}),
        blobs(make_blob_link(session)),
        telemetry(session, runtime.clock_, runtime.log_, post()),
        runner({.data = runtime.config_.data,
                .programs = find_programs(runtime.config_),
                .launch = {.grace_ms = runtime.config_.stop_grace.count(),
                           .orphan_timeout_ms = runtime.config_.orphan_timeout.count(),
                           .cgroup = runtime.config_.cgroup,
                           .user = std::move(step_user)},
                .silence = silence_limits(runtime.config_),
                .cache_bytes_max = runtime.config_.cache_bytes,
                .gpus = gpus},
               *blobs, telemetry, runtime.clock_, runtime.log_, post()),
        control(session, std::move(facts), runtime.clock_, runtime.log_, {[this] { return strand.held(); }, post()}),
        inference(session, runtime.log_, [this](const AttemptId& attempt) { return runner.serve_socket(attempt); }) {}

  ~Parts() {
    control.stop();
    inference.stop();
    telemetry.stop();
    strand.stop();
  }

  Runner::Post post() {
    return [this](Input input) {
      if (std::holds_alternative<Connected>(input) && on_connected) {
        on_connected();
      }
      if (const auto* done = std::get_if<Acknowledged>(&input); done && done->report == ReportKind::kCheckpoint) {
        runner.prune_checkpoint(done->attempt, done->step);
      }
      strand.post(std::move(input));
    };
  }

  std::function<void()> on_connected;
  Strand strand;
  std::unique_ptr<BlobClient> blobs;
  TelemetryLink telemetry;
  Runner runner;
  ControlLink control;
  InferenceLink inference;
};

AgentRuntime::AgentRuntime(Config config, const Clock& clock, Log& log)
    : config_(std::move(config)), clock_(clock), log_(log) {}
AgentRuntime::~AgentRuntime() = default;

Result<void> AgentRuntime::lock_data() {
  LUTHIER_TRY_VOID(create_folders(config_.data / "attempts"));
  const fs::path path = config_.data / "agent.lock";
  lock_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (!lock_.valid()) {
    return Error{ErrorCode::kInternal, "cannot open " + path.string() + ": " + std::strerror(errno)};
  }
  if (::fcntl(lock_.get(), F_OFD_SETLK, &lock) != 0) {
    return Error{ErrorCode::kFailedPrecondition,
                 "another agent runs on the folder " + config_.data.string() + "; each agent needs its own --data"};
  }
  return {};
}

void AgentRuntime::on_connected(const std::string& agent_id) {
  if (config_.ready_file.empty()) {
    return;
  }
  const Json ready{{"agent_id", agent_id}, {"name", config_.name}, {"pid", ::getpid()}};
  if (auto written = write_file_atomically(config_.ready_file, ready.dump() + "\n"); !written) {
    log_.warning("ready_file_not_written", {{"why", written.error().message}});
  }
}

void AgentRuntime::perform(Parts& parts, const Effect& effect) {
  if (const auto* report = std::get_if<SendReport>(&effect)) {
    parts.control.send(report->report);
    return;
  }
  std::visit(
      [&parts](const auto& value) {
        if constexpr (requires { parts.runner.perform(value); }) {
          parts.runner.perform(value);
        }
      },
      effect);
}

void AgentRuntime::drain(Parts& parts, const Cancel& stop_now) {
  log_.info("agent_draining", {{"deadline_ms", std::to_string(config_.drain_deadline.count())}});
  parts.control.drain(config_.drain_deadline);
  while (!parts.strand.held().empty() && !stop_now.wait(kDrainPoll)) {
  }
}

Result<void> AgentRuntime::run(const Cancel& stop, const Cancel& stop_now) {
  LUTHIER_TRY_VOID(lock_data());
  if (!config_.cgroup.empty()) {
    LUTHIER_TRY(const std::string controllers, shim::prepare_cgroup_parent(config_.cgroup));
    log_.info("cgroup_ready", {{"folder", config_.cgroup.string()}, {"controllers", controllers}});
  }
  std::optional<ChildUser> step_user;
  if (!config_.step_user.empty()) {
    LUTHIER_TRY(step_user, find_step_user(config_.step_user));
    LUTHIER_TRY_VOID(open_data_to(config_.data, *step_user));
    log_.info("step_user_ready", {{"user", config_.step_user}, {"uid", std::to_string(step_user->uid)}});
  }
  LUTHIER_TRY(const Session session,
              join_or_load(config_.data, config_.controller, config_.name, config_.join_token_file, stop));
  Devices devices = find_devices({.cpus = config_.cpus, .nvml_library = config_.nvml_library});
  devices.rendezvous = config_.rendezvous;
  if (devices.rendezvous.host.empty()) {
    if (auto address = local_address_towards(config_.controller)) {
      devices.rendezvous.host = std::move(*address);
    } else {
      log_.warning("no_rendezvous", {{"why", address.error().message}, {"remedy", "--rendezvous-host"}});
    }
  }
  if (!devices.gpu_note.empty()) {
    log_.warning("no_gpus", {{"why", devices.gpu_note}});
  }
  log_.info("agent_started", {{"agent", session.agent_id},
                              {"name", config_.name},
                              {"cpus", std::to_string(devices.cpus)},
                              {"gpus", std::to_string(devices.gpus.size())}});
  const std::unique_ptr<GpuReader> gpus = open_gpus(config_.nvml_library, devices, log_);
  Parts parts(*this, session, HelloFacts{config_.name, kVersion, shim::read_boot_id(), devices, config_.labels},
              gpus.get(), step_user);
  parts.on_connected = [this, &session] { on_connected(session.agent_id); };
  parts.strand.start([this, &parts](const Effect& effect) { perform(parts, effect); });
  parts.telemetry.start();
  parts.runner.recover();
  parts.control.start();
  parts.inference.start();
  while (!stop.wait(milliseconds(3'600'000))) {
  }
  if (config_.drain) {
    drain(parts, stop_now);
  }
  log_.info("agent_stopping");
  return {};
}

}  // namespace luthier::agents
