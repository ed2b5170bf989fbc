#include "tests/simulation/agent_node.h"

#include "tests/simulation/controller_node.h"
#include "tests/simulation/messages.h"

namespace luthier::simulation {

using namespace agents;  // NOLINT: this file is about their inputs and effects

AgentNode::AgentNode(World& world, AgentId id, int gpus) : world_(world), id_(std::move(id)) {
  resources_.cpus = 2;
  resources_.memory_bytes = 8ULL << 30;
  resources_.cpu_model = "simulated";
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
  world_.trace(id_.value + " starts");
  for (const auto& [attempt, folder] : std::map<AttemptId, Folder>(folders_)) {
    recover(folder);
  }
  world_.try_connect(id_);
}

void AgentNode::recover(const Folder& folder) {
  RecoveredAttempt found{
      .assignment = folder.assignment, .pid = folder.pid, .ready = folder.ready, .stopping = folder.stopping};
  if (folder.exit) {
    found.found = Recovered::kExited;
    found.exit = *folder.exit;
  } else if (folder.alive) {
    found.found = Recovered::kRunning;
    found.elapsed = milliseconds{world_.clock.now_ms() - folder.started_ms};
  }
  feed(found);
  for (const CheckpointSeen& seen : folder.checkpoints) {
    feed(seen);
  }
  if (folder.tree_gone) {
    feed(ProcessTreeGone{folder.assignment.attempt});
  }
}

void AgentNode::crash_process() {
  if (!up()) {
    return;
  }
  world_.trace(id_.value + ": the agent dies");
  ++world_.counts.agent_crashes;
  machine_.reset();
  ++incarnation_;
  world_.break_link(id_);
  world_.link(id_).agent_side_open = false;
  world_.clock.after(world_.between(200, 14'000), [this, boot = boot_] {
    if (boot == boot_ && !up()) {
      start_process();
    }
  });
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
  world_.clock.after(world_.between(1'000, 40'000), [this, boot = boot_] {
    if (boot == boot_ && !up()) {
      start_machine();
    }
  });
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
  for (const Effect& effect : step(*machine_, input, Now{0, local})) {
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
  world_.clock.after(world_.between(least_ms, most_ms),
                     [this, online, least_ms, most_ms, action = std::move(action), alive = incarnation_] {
                       if (alive != incarnation_) {
                         return;
                       }
                       const Link& wire = world_.link(id_);
                       if (online && (!wire.server_side_open || wire.broken || wire.partitioned)) {
                         return later(least_ms + 200, most_ms + 500, online, action);
                       }
                       action();
                     });
}

void AgentNode::on(const FetchInputs& effect) {
  folders_[effect.assignment.attempt].assignment = effect.assignment;
  later(5, 400, true, [this, attempt = effect.assignment.attempt] {
    if (world_.faults_on() && world_.chance(10)) {
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
  world_.clock.after(world_.between(1, effect.force ? 50 : 3'000),
                     [this, attempt = effect.attempt, boot = boot_, force = effect.force] {
                       if (living(attempt, boot) != nullptr) {
                         end_process(attempt, {.exit_code = force ? -1 : 0, .signal = force ? 9 : 0});
                       }
                     });
}

void AgentNode::on(const UploadCheckpoint& effect) {
  later(10, 800, true, [this, attempt = effect.attempt, at = effect.step] {
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
  later(1, 500, true, [this, attempt = effect.attempt] { feed(TelemetryFlushed{attempt}); });
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
