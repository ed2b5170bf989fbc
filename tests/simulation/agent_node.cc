#include "tests/simulation/agent_node.h"

#include "tests/simulation/controller_node.h"
#include "tests/simulation/messages.h"

namespace luthier::simulation {

using namespace agents;  // NOLINT: this file is about their inputs and effects

AgentNode::AgentNode(World& world, AgentId id, int gpus) : world_(world), id_(std::move(id)) {
  resources_.cpus = 2;
  resources_.memory_bytes = 8ULL << 30;
  resources_.cpu_model = "simulated";
  resources_.rendezvous_host = id_.value;
  resources_.rendezvous_port_first = 29'500;
  resources_.rendezvous_port_last = 29'501;
  for (int i = 0; i < gpus; ++i) {
    resources_.gpus.push_back({.index = i, .name = "G", .uuid = id_.value + "-" + std::to_string(i)});
  }
}

void AgentNode::start_machine() {
  ++boot_;
  folders_.clear();
  skew_ms_ = world_.between(0, 1'000'000);
  start_process();
}

void AgentNode::start_process() {
  ++incarnation_;
  machine_.emplace();
  feeds_.clear();
  world_.trace(id_.value + " starts");
  for (const auto& [attempt, folder] : std::map<AttemptId, Folder>(folders_)) {
    if (!up()) {
      return;  // it died of what it was told
    }
    recover(folder);
  }
  if (up()) {
    world_.try_connect(id_);
  }
}

// By value: what the machine answers may remove the folder.
void AgentNode::recover(Folder folder) {
  RecoveredAttempt found{
      .assignment = folder.assignment, .pid = folder.pid, .ready = folder.ready, .stopping = folder.stopping};
  if (!folder.shim_started) {
    found.found = Recovered::kNotStarted;
  } else if (folder.exit) {
    found.found = Recovered::kExited;
    found.exit = *folder.exit;
  } else if (folder.alive) {
    found.found = Recovered::kRunning;
    found.elapsed = milliseconds{world_.clock.now_ms() - folder.started_ms};
  }
  feed(found);
  const AttemptId& attempt = folder.assignment.attempt;
  const auto is_left = [&] { return up() && folders_.contains(attempt); };
  for (const CheckpointSeen& seen : folder.checkpoints) {
    if (is_left()) {
      feed(seen);
    }
  }
  if (is_left()) {
    pump(attempt);
  }
  if (is_left() && folder.tree_gone) {
    feed(ProcessTreeGone{attempt});
  }
}

void AgentNode::crash_process() {
  if (!up()) {
    return;
  }
  world_.trace(id_.value + ": the agent dies");
  ++world_.counts.agent_crashes;
  tear_assignments();
  machine_.reset();
  ++incarnation_;
  world_.break_link(id_);
  world_.link(id_).agent_side_open = false;
  come_back(200, 14'000, false);
}

void AgentNode::come_back(std::int64_t least_ms, std::int64_t most_ms, bool machine) {
  world_.clock.after(world_.between(least_ms, most_ms), [this, machine, boot = boot_] {
    if (boot == boot_ && !up()) {
      machine ? start_machine() : start_process();
    }
  });
}

// Those whose attempt.json did not reach the disk: the next start removes such folders.
void AgentNode::tear_assignments() {
  std::erase_if(folders_, [this](const auto& each) {
    const bool torn = !each.second.shim_started && world_.chance(400);
    world_.counts.torn_records += torn ? 1 : 0;
    return torn;
  });
}

void AgentNode::reboot() {
  world_.trace(id_.value + ": the machine reboots");
  ++world_.counts.reboots;
  machine_.reset();
  ++incarnation_;
  ++boot_;
  world_.break_link(id_);
  world_.link(id_).agent_side_open = false;
  tear_assignments();
  for (auto& [attempt, folder] : folders_) {
    if (!folder.shim_started) {
      continue;
    }
    if (!folder.exit || (!folder.tree_gone && world_.chance(500))) {
      world_.counts.torn_records += folder.exit ? 1 : 0;
      folder.exit = ExitRecord{.recorded = false};  // never written, or torn
    }
    folder.alive = false;
    folder.ready = false;
    folder.tree_gone = true;
  }
  come_back(1'000, 30'000, false);
}

void AgentNode::fill_disk_until(std::int64_t time_ms) {
  full_until_ms_ = time_ms;
  kill_a_process({.exit_code = -1,
                  .signal = 9,
                  .error_class = FailureClass::kInfrastructure,
                  .error_code = "disk_full",
                  .error_message = "its output cannot be kept"});
}

void AgentNode::lose_machine() {
  world_.trace(id_.value + ": the machine is lost");
  ++world_.counts.machine_losses;
  machine_.reset();
  ++incarnation_;
  ++boot_;
  folders_.clear();
  world_.break_link(id_);
  world_.link(id_).agent_side_open = false;
  come_back(1'000, 40'000, true);
}

void AgentNode::lose_connection() {
  world_.link(id_).agent_side_open = false;
  if (up()) {
    feed(Disconnected{});
    world_.clock.after(world_.between(100, 2'000), [this] { world_.try_connect(id_); });
  }
}

core::AgentConnected AgentNode::hello() const {
  return {.agent = id_,
          .name = "agent " + id_.value,
          .boot_id = "boot-" + std::to_string(boot_),
          .resources = resources_,
          .held = to_controller(held_attempts(*machine_))};
}

void AgentNode::feed(const Input& input) {
  const std::int64_t local = world_.clock.now_ms() + skew_ms_;
  std::vector<Effect> effects = step(*machine_, input, Now{0, local});
  world_.mutator.change(effects);
  for (const Effect& effect : effects) {
    if (world_.faults_on() && world_.chance(kEffectCrashPerMille)) {
      return crash_process();
    }
    perform(effect);
  }
}

void AgentNode::tell(const Input& input) {
  if (up()) {
    feed(input);
  }
}

void AgentNode::perform(const Effect& effect) {
  std::visit([this](const auto& e) { on(e); }, effect);
}

void AgentNode::later(std::int64_t least_ms, std::int64_t most_ms, bool online, std::function<void()> action) {
  const std::int64_t more_ms = world_.clock.now_ms() < slow_until_ms_ ? world_.between(500, 5'000) : 0;
  world_.clock.after(more_ms + world_.between(least_ms, most_ms),
                     [this, online, least_ms, most_ms, action = std::move(action), alive = incarnation_] {
                       if (alive != incarnation_) {
                         return;
                       }
                       const Link& wire = world_.link(id_);
                       if (online && (!wire.server_side_open || wire.broken || !wire.can_connect())) {
                         return later(least_ms + 200, most_ms + 500, online, action);
                       }
                       action();
                     });
}

void AgentNode::on(const FetchInputs& effect) {
  folders_[effect.assignment.attempt].assignment = effect.assignment;
  later(5, 400, true, [this, attempt = effect.assignment.attempt] {
    if (world_.clock.now_ms() < full_until_ms_ || (world_.faults_on() && world_.chance(5))) {
      return feed(InputsFailed{attempt, FailureClass::kInfrastructure, "disk_full", "no space left"});
    }
    feed(InputsReady{attempt});
  });
}

void AgentNode::on(const StartShim& effect) {
  later(5, 50, false, [this, attempt = effect.assignment.attempt] {
    if (!folders_.contains(attempt)) {
      return;
    }
    if (world_.faults_on() && world_.chance(10)) {
      return feed(ShimFailed{attempt, "fork failed"});
    }
    run_process(attempt);
    feed(ShimStarted{attempt, folders_.at(attempt).pid});
  });
}

void AgentNode::on(const StopProcess& effect) {
  Folder* folder = living(effect.attempt, boot_);
  if (folder == nullptr) {
    return;
  }
  folder->stopping = effect.reason;
  if (folder->stubborn && !effect.force) {
    return;
  }
  // Some processes die slowly, which is when a resource that is sold too early shows.
  const std::int64_t slow_ms = world_.mutator.is(Mutation::kReleaseEarly) ? 10'000 : 0;
  world_.clock.after(slow_ms + world_.between(1, effect.force ? 50 : 3'000),
                     [this, attempt = effect.attempt, boot = boot_, force = effect.force] {
                       if (living(attempt, boot) != nullptr) {
                         end_process(attempt, {.exit_code = force ? -1 : 0, .signal = force ? 9 : 0});
                       }
                     });
}

void AgentNode::on(const UploadCheckpoint& effect) {
  const std::int64_t late_ms = world_.clock.now_ms() < late_until_ms_ ? world_.between(5'000, 60'000) : 0;
  later(late_ms + 10, late_ms + 800, true, [this, attempt = effect.attempt, at = effect.step] {
    if (world_.faults_on() && world_.chance(10)) {
      return feed(CheckpointUploadFailed{attempt, at, "refused"});
    }
    const std::string digest = "sha256:" + to_string(attempt) + "@" + std::to_string(at);
    feed(CheckpointUploaded{attempt, at, digest, digest + ".model", "adapter"});
  });
}

void AgentNode::on(const UploadOutputs& effect) {
  later(10, 800, true, [this, effect] { feed(OutputsUploaded{effect.attempt, effect.outputs}); });
}

void AgentNode::on(const FlushTelemetry& effect) {
  feeds_[effect.attempt].flush = true;
  pump(effect.attempt);
}

void AgentNode::on(const SendReport& effect) {
  world_.send_to_controller(id_, world_.link(id_).number, [this, report = effect.report] {
    world_.trace(id_.value + " reports " + std::to_string(report.index()));
    world_.controller().feed(to_controller(report, id_));
  });
}

void AgentNode::on(const RemoveAttempt& effect) {
  const auto found = folders_.find(effect.attempt);
  if (found != folders_.end() && found->second.alive) {
    world_.violate("an attempt was removed while its process lives: " + to_string(effect.attempt));
  }
  folders_.erase(effect.attempt);
  feeds_.erase(effect.attempt);
}

void AgentNode::on(const WakeAt& effect) {
  world_.clock.at(effect.monotonic_ms - skew_ms_, [this, alive = incarnation_] {
    if (alive == incarnation_ && up()) {
      feed(Tick{});
    }
  });
}

std::string AgentNode::describe() const {
  std::string text = id_.value + (up() ? " is up" : " is down");
  for (const auto& [attempt, folder] : folders_) {
    text += ", holds " + to_string(attempt) + (folder.alive ? " (alive)" : "");
  }
  return text;
}

}  // namespace luthier::simulation
