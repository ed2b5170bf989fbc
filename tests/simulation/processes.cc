// Fake step processes: they run for a while, save checkpoints, and end well or badly.
#include <algorithm>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"

namespace luthier::simulation {

using namespace agents;  // NOLINT: this file is about their inputs and effects

namespace {

constexpr std::int64_t kTrainingSteps = 40;
constexpr std::int64_t kCheckpointEvery = 10;

Json dataset() { return Json{{"$artifact", "sha256:data"}, {"kind", "dataset"}}; }

}  // namespace

AgentNode::Folder* AgentNode::living(const AttemptId& attempt, std::uint64_t boot) {
  const auto found = folders_.find(attempt);
  const bool there = boot == boot_ && found != folders_.end();
  return there && found->second.alive && !found->second.exit ? &found->second : nullptr;
}

// Invariant 4 as the hardware sees it: two live processes must never have the same GPU.
void AgentNode::check_gpus(const Assignment& starting) {
  for (const auto& [attempt, folder] : folders_) {
    for (const int gpu : folder.assignment.gpus) {
      const bool same = std::find(starting.gpus.begin(), starting.gpus.end(), gpu) != starting.gpus.end();
      if (folder.alive && same && attempt != starting.attempt) {
        world_.violate("invariant 4: GPU " + std::to_string(gpu) + " of " + id_.value + " is used by " +
                       to_string(attempt) + " and " + to_string(starting.attempt));
      }
    }
  }
}

void AgentNode::run_process(const AttemptId& attempt) {
  Folder& folder = folders_.at(attempt);
  if (folder.shim_started) {
    world_.violate("invariant 2: the process of " + to_string(attempt) + " was started twice");
  }
  check_gpus(folder.assignment);
  if (folder.assignment.resume_step != world_.resume_steps[attempt]) {
    world_.violate("invariant 7: " + to_string(attempt) + " starts at " +
                   std::to_string(folder.assignment.resume_step) + ", not at the committed checkpoint " +
                   std::to_string(world_.resume_steps[attempt]));
  }
  folder.shim_started = true;
  folder.alive = true;
  folder.pid = next_pid_++;
  folder.started_ms = world_.clock.now_ms();
  folder.stubborn = world_.chance(100);
  write_log(attempt, "begins at " + std::to_string(folder.assignment.resume_step));
  if (folder.assignment.uses == "serve") {
    world_.clock.after(world_.between(100, 3'000), [this, attempt, boot = boot_] {
      if (Folder* serving = living(attempt, boot)) {
        serving->ready = true;
        tell(ProcessReady{attempt});
      }
    });
    return;
  }
  if (folder.assignment.uses == "train") {
    save_checkpoint(attempt, folder.assignment.resume_step + kCheckpointEvery);
    return;
  }
  world_.clock.after(world_.between(200, 9'000), [this, attempt, boot = boot_] {
    if (const Folder* running = living(attempt, boot); running != nullptr && !running->silent) {
      end_process(attempt, natural_end(running->assignment));
    }
  });
}

// A training: after a while the next checkpoint, and after the last one the end.
void AgentNode::save_checkpoint(const AttemptId& attempt, std::int64_t at) {
  world_.clock.after(world_.between(300, 4'000), [this, attempt, at, boot = boot_] {
    Folder* running = living(attempt, boot);
    if (running == nullptr || running->silent) {
      return;
    }
    if (at > kTrainingSteps || (world_.faults_on() && world_.chance(30))) {
      return end_process(attempt, natural_end(running->assignment));
    }
    CheckpointSeen seen{attempt,
                        at,
                        "work/" + std::to_string(at),
                        {{"full_valid_loss", 1.0 / static_cast<double>(at)}, {"by", attempt.number}}};
    running->checkpoints.push_back(seen);
    write_log(attempt, "saved " + std::to_string(at));
    tell(seen);
    if (folders_.contains(attempt)) {
      save_checkpoint(attempt, at + kCheckpointEvery);
    }
  });
}

ExitRecord AgentNode::natural_end(const Assignment& assignment) {
  if (world_.faults_on() && world_.chance(60)) {
    return {
        .exit_code = 1, .error_class = FailureClass::kUser, .error_code = "invalid_data", .error_message = "bad data"};
  }
  if (world_.faults_on() && world_.chance(60)) {
    return {.exit_code = -1, .signal = 9};
  }
  if (world_.faults_on() && world_.chance(10)) {
    return {.recorded = false};
  }
  Json outputs{{"by", assignment.attempt.number}, {"value", 7}};
  if (assignment.uses == "prepare") {
    outputs["train"] = dataset();
  } else if (assignment.uses == "eval") {
    outputs["better"] = !world_.chance(300);
    outputs["metrics"] = {{"loss", 0.5}};
  }
  return {.has_result = true, .outputs = std::move(outputs)};
}

void AgentNode::end_process(const AttemptId& attempt, ExitRecord exit) {
  write_log(attempt, "ends");
  Folder& folder = folders_.at(attempt);
  folder.exit = exit;
  folder.ready = false;
  tell(ProcessExited{attempt, std::move(exit)});
  world_.clock.after(world_.between(0, 300), [this, attempt, boot = boot_] {
    const auto ended = folders_.find(attempt);
    if (boot == boot_ && ended != folders_.end()) {
      ended->second.alive = false;
      ended->second.tree_gone = true;
      tell(ProcessTreeGone{attempt});
    }
  });
}

void AgentNode::kill_a_process(const ExitRecord& exit) {
  for (const auto& [attempt, folder] : folders_) {
    if (folder.alive && !folder.exit) {
      world_.trace(id_.value + ": the process of " + to_string(attempt) + " is killed");
      return end_process(AttemptId(attempt), exit);
    }
  }
}

void AgentNode::silence_a_process() {
  for (auto& [attempt, folder] : folders_) {
    if (folder.alive && !folder.exit && folder.assignment.uses != "serve") {
      world_.trace(id_.value + ": the process of " + to_string(attempt) + " falls silent");
      folder.silent = true;
      return;
    }
  }
}

// A silent process without a time limit would wait for a person for ever: here somebody kills it.
void AgentNode::heal() {
  slow_until_ms_ = 0;
  full_until_ms_ = 0;
  late_until_ms_ = 0;
  mute_until_ms_ = 0;
  std::vector<AttemptId> silent;
  for (const auto& [attempt, folder] : folders_) {
    if (folder.silent && folder.alive && !folder.exit && folder.assignment.timeout.count() == 0) {
      silent.push_back(attempt);
    }
  }
  for (const AttemptId& attempt : silent) {
    if (folders_.contains(attempt) && folders_.at(attempt).alive && !folders_.at(attempt).exit) {
      end_process(attempt, {.exit_code = -1, .signal = 9});
    }
  }
}

}  // namespace luthier::simulation
