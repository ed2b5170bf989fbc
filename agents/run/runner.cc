#include "agents/run/runner.h"

#include <algorithm>

#include "agents/run/command_step.h"
#include "agents/run/inputs.h"
#include "agents/run/step_user.h"
#include "agents/run/upload.h"
#include "agents/shim/lock.h"
#include "agents/shim/runtime_folder.h"
#include "base/file.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

struct FailureNames {
  FailureClass failure;
  const char* code;
};

FailureNames names_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument: return {FailureClass::kUser, "invalid_input"};
    case ErrorCode::kResourceExhausted: return {FailureClass::kInfrastructure, "disk_full"};
    case ErrorCode::kNotFound: return {FailureClass::kInfrastructure, "input_missing"};
    case ErrorCode::kDataLoss: return {FailureClass::kInfrastructure, "data_loss"};
    default: return {FailureClass::kInfrastructure, "internal"};
  }
}

}  // namespace

Runner::Runner(RunnerOptions options, BlobClient& blobs, TelemetrySink& telemetry, const Clock& clock, Log& log,
               Post post)
    : options_(std::move(options)),
      blobs_(blobs),
      telemetry_(telemetry),
      clock_(clock),
      log_(log),
      post_(std::move(post)),
      cache_(options_.data / "cache", blobs, options_.cache_bytes_max),
      gpu_meter_(options_.gpus, clock, options_.gpu_interval) {}

Runner::~Runner() {
  std::map<AttemptId, Held> held;
  {
    const std::lock_guard lock(mutex_);
    held.swap(held_);
  }
  for (const auto& [id, one] : held) {
    one.cancel->set();
  }
  local_.stop();
  fetches_.stop();
  uploads_.stop();
}

std::optional<Runner::Held> Runner::find(const AttemptId& attempt) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(attempt);
  return found == held_.end() ? std::nullopt : std::optional<Held>(found->second);
}

std::optional<fs::path> Runner::serve_socket(const AttemptId& attempt) const {
  const auto held = find(attempt);
  if (!held || held->assignment.uses != "serve") {
    return std::nullopt;
  }
  return shim::runtime_folder_for(held->nonce) / shim::kServeSocket;
}

void Runner::recover() {
  for (const fs::path& folder : list_attempt_folders(options_.data / "attempts")) {
    auto file = read_attempt_file(folder);
    if (!file) {
      log_.error("attempt_unreadable", {{"folder", folder.string()}, {"why", file.error().message}});
      continue;
    }
    const Held held{file->assignment, folder, file->nonce};
    {
      const std::lock_guard lock(mutex_);
      held_.emplace(file->assignment.attempt, held);
    }
    RecoveredAttempt recovered{.assignment = file->assignment};
    recovered.stopping = read_stop_reason(folder);
    const auto started = shim::read_started_file(folder);
    const bool shim_lives = shim::attempt_is_locked(folder);
    if (!shim_lives && !fs::exists(folder / shim::kShimFile)) {
      recovered.found = Recovered::kNotStarted;
      post_(std::move(recovered));
      continue;
    }
    // Also when it has exited meanwhile: the follower tells the rest of the story in the same order as it always does.
    recovered.found = Recovered::kRunning;
    recovered.pid = started ? started->process.pid : 0;
    recovered.elapsed =
        milliseconds(started ? std::max<std::int64_t>(0, clock_.now().wall_ms - started->started_wall_ms) : 0);
    for (const std::string& digest : artifacts_of(held.assignment)) {
      cache_.pin(digest, held.assignment.attempt);
    }
    log_.info("attempt_recovered",
              {{"attempt", to_string(held.assignment.attempt)}, {"shim", shim_lives ? "alive" : "gone"}});
    post_(std::move(recovered));
    follow(held);
  }
}

void Runner::perform(const FetchInputs& effect) {
  const AttemptId& id = effect.assignment.attempt;
  const Held held = [&] {
    const std::lock_guard lock(mutex_);
    const fs::path folder = options_.data / "attempts" / attempt_folder_name(id);
    return held_.emplace(id, Held{effect.assignment, folder, ""}).first->second;
  }();
  fetches_.post([this, held] { fetch(held); });
}

void Runner::fetch(const Held& held) {
  const AttemptId& id = held.assignment.attempt;
  const Result<void> done = [&]() -> Result<void> {
    LUTHIER_TRY(const AttemptFile file, create_attempt_folder(held.folder, held.assignment));
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = held_.find(id); found != held_.end()) {
        found->second.nonce = file.nonce;
      }
    }
    return prepare_inputs(held.folder, held.assignment, cache_, *held.cancel);
  }();
  if (done) {
    post_(InputsReady{id});
  } else if (!held.cancel->is_set()) {
    const auto [failure, code] = names_of(done.error());
    log_.warning("inputs_failed", {{"attempt", to_string(id)}, {"why", done.error().message}});
    post_(InputsFailed{id, failure, code, done.error().message});
  }
}

void Runner::perform(const StartShim& effect) {
  if (const auto held = find(effect.assignment.attempt)) {
    local_.post([this, held = *held, lease = effect.lease] { start(held, lease); });
  }
}

void Runner::start(const Held& held, Lease lease) {
  const AttemptId& id = held.assignment.attempt;
  LaunchOptions launch_options = options_.launch;
  launch_options.lease = lease;
  const Result<pid_t> pid = [&]() -> Result<pid_t> {
    LUTHIER_TRY(const shim::Launch launch,
                make_launch(held.folder, held.assignment, held.nonce, options_.programs, launch_options));
    if (launch.user) {
      LUTHIER_TRY_VOID(give_attempt_to(held.folder, *launch.user));
    }
    return start_shim(held.folder, launch, options_.programs.shim);
  }();
  if (!pid) {
    log_.error("start_failed", {{"attempt", to_string(id)}, {"why", pid.error().message}});
    post_(ShimFailed{id, pid.error().message});
    return;
  }
  log_.info("step_started",
            {{"attempt", to_string(id)}, {"uses", held.assignment.uses}, {"pid", std::to_string(*pid)}});
  post_(ShimStarted{id, *pid});
  follow(held);
}

void Runner::follow(const Held& held) {
  const AttemptId id = held.assignment.attempt;
  telemetry_.follow(id, held.folder);
  gpu_meter_.begin(id, held.assignment.gpus, held.folder);
  FollowerEvents events;
  events.spool_grew = [this, id] { telemetry_.spool_grew(id); };
  events.progress = [this, id](const Json& newest) { telemetry_.progress(id, newest); };
  events.input = [this, id](Input input) {
    if (const auto* silent = std::get_if<ProcessSilent>(&input)) {
      log_.warning(silent->silent_ms == 0 ? "step_speaks_again" : "step_silent",
                   {{"attempt", to_string(id)}, {"silent_ms", std::to_string(silent->silent_ms)}});
    }
    if (auto* exited = std::get_if<ProcessExited>(&input)) {
      gpu_meter_.end(id, exited->exit.usage);
    }
    post_(std::move(input));
  };
  auto follower =
      std::make_shared<Follower>(held.assignment, held.folder, held.nonce, options_.silence, std::move(events));
  const std::lock_guard lock(mutex_);
  if (const auto found = held_.find(id); found != held_.end()) {
    found->second.follower = follower;
    if (found->second.stop_forced) {  // it overtook this call
      follower->stop_process(*found->second.stop_forced, options_.launch.grace_ms);
    }
    if (found->second.lease.stop_at_ms != 0) {
      follower->renew_lease(found->second.lease);
    }
  }
}

void Runner::perform(const RenewLease& effect) {
  const std::lock_guard lock(mutex_);
  if (const auto found = held_.find(effect.attempt); found != held_.end()) {
    found->second.lease = effect.lease;
    if (found->second.follower) {
      found->second.follower->renew_lease(effect.lease);
    }
  }
}

void Runner::perform(const StopProcess& effect) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = held_.find(effect.attempt); found != held_.end()) {
      found->second.stop_forced = effect.force;
    }
  }
  local_.post([this, effect] {
    const auto held = find(effect.attempt);
    if (!held) {
      return;
    }
    if (auto written = write_stop_reason(held->folder, effect.reason); !written) {
      log_.warning("stop_not_noted", {{"attempt", to_string(effect.attempt)}, {"why", written.error().message}});
    }
    if (held->follower) {
      log_.info("step_stopping", {{"attempt", to_string(effect.attempt)}, {"force", effect.force ? "yes" : "no"}});
      held->follower->stop_process(effect.force, options_.launch.grace_ms);
    }
  });
}

void Runner::perform(const UploadCheckpoint& effect) {
  const auto held = find(effect.attempt);
  if (!held) {
    return;
  }
  uploads_.post([this, effect, held = *held] {
    auto uploaded = [&] {
      const AsUser user(options_.launch.user);
      return upload_checkpoint(blobs_, held.folder / "work", effect.path, *held.cancel);
    }();
    if (uploaded) {
      {
        const std::lock_guard lock(mutex_);
        if (const auto found = held_.find(effect.attempt); found != held_.end()) {
          found->second.checkpoints[effect.step] = effect.path;
        }
      }
      post_(CheckpointUploaded{effect.attempt, effect.step, uploaded->artifact, uploaded->model, uploaded->model_kind});
    } else if (uploaded.error().code == ErrorCode::kNotFound) {  // pruned before this agent started
      post_(CheckpointUploadFailed{effect.attempt, effect.step, uploaded.error().message});
    } else if (!held.cancel->is_set()) {
      log_.warning("checkpoint_not_uploaded", {{"attempt", to_string(effect.attempt)},
                                               {"step", std::to_string(effect.step)},
                                               {"why", uploaded.error().message}});
      post_(CheckpointUploadFailed{effect.attempt, effect.step, uploaded.error().message});
    }
  });
}

void Runner::prune_checkpoint(const AttemptId& attempt, std::int64_t step) {
  std::filesystem::path folder;
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(attempt);
    if (found == held_.end() || !found->second.checkpoints.contains(step)) {
      return;
    }
    folder = found->second.folder;
    path = std::move(found->second.checkpoints.extract(step).mapped());
  }
  local_.post([this, folder, path] {
    const AsUser user(options_.launch.user);
    remove_checkpoint(folder / "work", path);
  });
}

void Runner::perform(const UploadOutputs& effect) {
  const auto held = find(effect.attempt);
  if (!held) {
    return;
  }
  uploads_.post([this, effect, held = *held] {
    auto outputs = [&]() -> Result<Json> {
      const AsUser user(options_.launch.user);
      const fs::path work = held.folder / "work";
      Json all = effect.outputs;
      if (held.assignment.uses == "run") {
        LUTHIER_TRY(all, add_declared_outputs(work, held.assignment.with, std::move(all)));
      }
      return upload_outputs(blobs_, cache_, work, all, *held.cancel);
    }();
    if (outputs) {
      post_(OutputsUploaded{effect.attempt, std::move(*outputs)});
    } else if (!held.cancel->is_set()) {
      const ErrorCode code = outputs.error().code;
      const bool user = code == ErrorCode::kInvalidArgument || code == ErrorCode::kNotFound;
      post_(OutputsUploadFailed{effect.attempt, user ? FailureClass::kUser : FailureClass::kInfrastructure,
                                outputs.error().message});
    }
  });
}

void Runner::perform(const FlushTelemetry& effect) { telemetry_.flush(effect.attempt); }

void Runner::perform(const RemoveAttempt& effect) {
  std::optional<Held> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(effect.attempt);
    if (found != held_.end()) {
      removed = std::move(found->second);
      held_.erase(found);
    }
  }
  if (!removed) {
    return;
  }
  removed->cancel->set();
  telemetry_.forget(effect.attempt);
  local_.post([this, id = effect.attempt, held = std::move(*removed)]() mutable {
    held.follower.reset();
    remove_attempt_folder(held.folder);
    shim::remove_runtime_folder(shim::runtime_folder_for(held.nonce));
    cache_.unpin(id);
    log_.info("attempt_removed", {{"attempt", to_string(id)}});
  });
}

}  // namespace luthier::agents
