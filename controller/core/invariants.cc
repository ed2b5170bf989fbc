#include "controller/core/invariants.h"

#include <algorithm>

namespace luthier::core {
namespace {

std::string text(const RunId& run, const StepId& step) { return run.value + "/" + step.value; }

}  // namespace

void InvariantChecker::on_event(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

void InvariantChecker::violate(int invariant, const std::string& what) {
  violations_.push_back("invariant " + std::to_string(invariant) + ": " + what);
}

// Nothing may happen to a step that is over, or that nobody submitted.
InvariantChecker::Step* InvariantChecker::step_of(const RunId& run, const StepId& step, const std::string& what) {
  const auto found = steps_.find({run, step});
  if (found == steps_.end()) {
    violate(1, text(run, step) + " " + what + " but is not a live step");
    return nullptr;
  }
  if (found->second.terminal) {
    violate(1, text(run, step) + " " + what + " after its terminal state");
  }
  return &found->second;
}

InvariantChecker::Step* InvariantChecker::newest_open(const AttemptId& attempt, int invariant,
                                                      const std::string& what) {
  Step* step = step_of(attempt.run, attempt.step, what);
  if (step != nullptr && (step->newest_attempt != attempt.number || !step->attempt_open)) {
    violate(invariant, to_string(attempt) + " " + what + " but is not the step's open attempt");
  }
  return step;
}

void InvariantChecker::end_step(const RunId& run, const StepId& step, const std::string& how) {
  if (Step* found = step_of(run, step, how)) {
    if (found->attempt_open) {
      violate(2, text(run, step) + " " + how + " while an attempt could still commit");
    }
    found->terminal = true;
  }
}

void InvariantChecker::on(const RunSubmitted& event) {
  for (const plan::Step& step : event.plan.steps) {
    steps_.emplace(Key{event.run, step.id}, Step{});
    runs_[event.run].push_back(step.id);
  }
}

void InvariantChecker::on(const StepReady& event) { step_of(event.run, event.step, "became ready"); }
void InvariantChecker::on(const StepSkipped& event) { end_step(event.run, event.step, "was skipped"); }
void InvariantChecker::on(const StepFailed& event) { end_step(event.run, event.step, "failed"); }
void InvariantChecker::on(const StepCancelled& event) { end_step(event.run, event.step, "was cancelled"); }
void InvariantChecker::on(const StepSucceeded& event) { end_step(event.run, event.step, "succeeded"); }
void InvariantChecker::on(const StepRetrying& event) { step_of(event.run, event.step, "was to be retried"); }
void InvariantChecker::on(const AttemptStarted& event) { newest_open(event.attempt, 2, "started"); }
void InvariantChecker::on(const AttemptReady& event) { newest_open(event.attempt, 2, "was ready"); }

void InvariantChecker::on(const AttemptAssigned& event) {
  Step* step = step_of(event.attempt.run, event.attempt.step, "was assigned");
  if (step == nullptr) {
    return;
  }
  if (step->attempt_open || event.attempt.number != step->newest_attempt + 1) {
    violate(2, to_string(event.attempt) + " was assigned while attempt " + std::to_string(step->newest_attempt) +
                   (step->attempt_open ? " could still commit" : " was the newest"));
  }
  if (event.resume_step != step->newest_checkpoint) {
    violate(7, to_string(event.attempt) + " resumes at " + std::to_string(event.resume_step) +
                   " although the newest committed checkpoint is " + std::to_string(step->newest_checkpoint));
  }
  step->newest_attempt = event.attempt.number;
  step->attempt_open = true;
  allocations_[event.attempt] = event.allocation;
  for (const int gpu : event.allocation.gpus) {
    const auto [holder, free] = gpus_.emplace(std::pair{event.allocation.agent, gpu}, event.attempt);
    if (!free) {
      violate(4, "GPU " + std::to_string(gpu) + " of " + event.allocation.agent.value + " was sold to " +
                     to_string(event.attempt) + " while " + to_string(holder->second) + " holds it");
    }
  }
}

void InvariantChecker::on(const CheckpointCommitted& event) {
  Step* step = newest_open(event.attempt, 2, "committed a checkpoint");
  if (step != nullptr) {
    if (event.checkpoint.step <= step->newest_checkpoint) {
      violate(7, to_string(event.attempt) + " committed checkpoint " + std::to_string(event.checkpoint.step) +
                     " after " + std::to_string(step->newest_checkpoint));
    }
    step->newest_checkpoint = event.checkpoint.step;
  }
}

void InvariantChecker::on(const AttemptEnded& event) {
  Step* step = newest_open(event.attempt, 2, "ended");
  if (step == nullptr) {
    return;
  }
  step->attempt_open = false;
  if (event.outcome == Outcome::kSucceeded) {
    if (step->outputs_committed) {
      violate(2, to_string(event.attempt) + " committed outputs after another attempt had");
    }
    step->outputs_committed = true;
  }
}

void InvariantChecker::on(const AllocationReleased& event) {
  const auto found = allocations_.find(event.attempt);
  if (found == allocations_.end()) {
    violate(4, to_string(event.attempt) + " released what it did not hold");
    return;
  }
  for (const int gpu : found->second.gpus) {
    gpus_.erase({found->second.agent, gpu});
  }
  allocations_.erase(found);
}

void InvariantChecker::on(const RunFinished& event) {
  for (const StepId& step : runs_[event.run]) {
    if (!steps_.at({event.run, step}).terminal) {
      violate(1, text(event.run, step) + " has no terminal state although its run ended");
    }
  }
}

void InvariantChecker::on(const DeploymentRequested& event) {
  steps_.emplace(Key{event.deployment, serve_step()}, Step{});
}

void InvariantChecker::on(const DeploymentStopped& event) { steps_[{event.deployment, serve_step()}].terminal = true; }

void InvariantChecker::on_state(const State& state) {
  std::map<AgentId, double> cpus;
  std::set<std::pair<AgentId, int>> gpus;
  for (const auto& [attempt, allocation] : state.allocations) {
    cpus[allocation.agent] += allocation.cpus;
    for (const int gpu : allocation.gpus) {
      if (!gpus.emplace(allocation.agent, gpu).second) {
        violate(4, "GPU " + std::to_string(gpu) + " of " + allocation.agent.value + " is promised twice");
      }
    }
  }
  for (const auto& [agent, promised] : cpus) {
    const auto found = state.agents.find(agent);
    if (found == state.agents.end() || promised > found->second.resources.cpus + 1e-6) {
      violate(4, "more CPUs of " + agent.value + " are promised than it has");
    }
  }
}

void InvariantChecker::on_replay(const State& live, const State& replayed) {
  if (hash(live) != hash(replayed)) {
    violate(10, "the replayed journal gives another state than the live one");
  }
}

}  // namespace luthier::core
