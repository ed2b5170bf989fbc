#include "controller/core/invariants.h"

#include <algorithm>

namespace luthier::core {
namespace {

std::string text(const RunId& run, const StepId& step) { return run.value + "/" + step.value; }

plan::Step serving(const Options& options) {
  plan::Step step;
  step.uses = "serve";
  step.resources = {.nodes = 1, .gpus = 0, .cpus = 0, .memory_bytes = 0};
  step.retry.infrastructure = options.serving_retries;
  step.retry.user = 0;
  return step;
}

}  // namespace

InvariantChecker::InvariantChecker(const State& state) : storage_low_(state.storage_low), options_(state.options) {
  for (const auto& [id, agent] : state.agents) {
    agents_[id] = {agent.status == AgentStatus::kConnected, agent.resources, agent.labels, agent.cordoned,
                   agent.draining};
  }
  for (const auto& [id, run] : state.runs) {
    for (const plan::Step& step : run.plan.steps) {
      runs_[id].push_back(step.id);
      adopt({id, step.id}, step, run.steps.at(step.id));
    }
  }
  for (const auto& [id, deployment] : state.deployments) {
    adopt({id, serve_step()}, serving(options_), deployment.serve);
  }
  for (const auto& [attempt, allocation] : state.allocations) {
    hold(attempt, allocation);
  }
}

void InvariantChecker::adopt(const Key& key, const plan::Step& plan, const LiveStep& live) {
  Step& step = steps_[key];
  step.plan = plan;
  switch (live.status) {
    case StepStatus::kWaiting: step.phase = Phase::kWaiting; break;
    case StepStatus::kReady: step.phase = Phase::kReady; break;
    case StepStatus::kAssigned: step.phase = Phase::kAssigned; break;
    case StepStatus::kRunning: step.phase = Phase::kRunning; break;
    default: step.phase = Phase::kOver; break;
  }
  step.newest_attempt = live.attempt_number;
  step.agents = {live.attempt.agent};
  for (const GangMember& member : live.attempt.gang) {
    step.agents.push_back(member.agent);
  }
  for (std::int32_t rank = 0; rank < world_size(live.attempt); ++rank) {
    if (rank_done(live.attempt, rank)) {
      step.done.insert(rank);
    }
  }
  step.attempts_lost = live.attempts_lost;
  step.attempt_open = step.phase == Phase::kAssigned || step.phase == Phase::kRunning;
  step.outputs_committed = live.status == StepStatus::kSucceeded;
  step.succeeded = step.outputs_committed;
  step.newest_checkpoint = live.checkpoints.empty() ? 0 : live.checkpoints.back().step;
  step.not_before_wall_ms = live.not_before_wall_ms;
  step.infrastructure_failures = live.infrastructure_failures;
  step.user_failures = live.user_failures;
  step.preemptions = live.preemptions;
  step.ready_since_wall_ms = live.waits_since_wall_ms;
  step.crashed_on = {live.crashed_on.begin(), live.crashed_on.end()};
}

void InvariantChecker::on_event(const Event& event, Now now) {
  std::visit([this, now](const auto& e) { on(e, now); }, event);
}

void InvariantChecker::violate(int invariant, const std::string& what) {
  violations_.push_back("invariant " + std::to_string(invariant) + ": " + what);
}
void InvariantChecker::violate_rule(const std::string& what) { violations_.push_back("rule: " + what); }

// Nothing may happen to a step that is over, or that nobody submitted.
InvariantChecker::Step* InvariantChecker::step_of(const RunId& run, const StepId& step, const std::string& what) {
  const auto found = steps_.find({run, step});
  if (found == steps_.end()) {
    violate(1, text(run, step) + " " + what + " but is not a live step");
    return nullptr;
  }
  if (found->second.phase == Phase::kOver) {
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
    found->phase = Phase::kOver;
  }
}

void InvariantChecker::on(const ControllerStarted& event, Now now) {
  for (auto& [key, step] : steps_) {
    step.attempts_lost += static_cast<std::int32_t>(std::min<std::uint64_t>(event.numbers_lost, 1'000'000));
  }
  started_monotonic_ms_ = now.monotonic_ms;
  for (auto& [id, node] : agents_) {
    node.connected = false;
  }
}

void InvariantChecker::on(const AgentJoined& event, Now) {
  Node& node = agents_[event.agent];
  node.connected = true;
  node.resources = event.resources;
  node.labels = event.labels;
}

void InvariantChecker::on(const AgentCordoned& event, Now) {
  agents_[event.agent].cordoned = event.cordoned;
  agents_[event.agent].draining = false;
}

void InvariantChecker::on(const AgentDraining& event, Now) { agents_[event.agent].draining = true; }

void InvariantChecker::on(const AgentForgotten& event, Now) {
  if (agents_[event.agent].connected) {
    violate_rule(event.agent.value + " is forgotten while it is connected");
  }
  agents_.erase(event.agent);
}

void InvariantChecker::on(const AgentLost& event, Now now) {
  agents_[event.agent].connected = false;
  if (now.monotonic_ms - started_monotonic_ms_ < start_grace_.count()) {
    violate_rule("agent " + event.agent.value + " was declared lost before the grace period after a start was over");
  }
}

void InvariantChecker::on(const RunSubmitted& event, Now) {
  if (!storage_low_.empty()) {
    violate_rule("run " + event.run.value + " was accepted although the controller's disk is short of space");
  }
  for (const plan::Step& step : event.plan.steps) {
    steps_[Key{event.run, step.id}].plan = step;
    runs_[event.run].push_back(step.id);
  }
}

void InvariantChecker::on(const StepReady& event, Now now) {
  Step* step = step_of(event.run, event.step, "became ready");
  if (step == nullptr) {
    return;
  }
  step->phase = Phase::kReady;
  step->ready_since_wall_ms = now.wall_ms;
  if (!event.checkpoints.empty()) {  // of the run that this one goes on from
    step->newest_checkpoint = event.checkpoints.back().step;
  }
  for (const StepId& need : step->plan.needs) {
    const auto found = steps_.find({event.run, need});
    if (found == steps_.end() || found->second.phase != Phase::kOver) {
      violate_rule(text(event.run, event.step) + " became ready before " + need.value + " was over");
    }
  }
}

// The one way out of a terminal state, while the run is live: what it committed before is void.
void InvariantChecker::on(const StepRepeated& event, Now) {
  const auto found = steps_.find({event.run, event.step});
  if (found == steps_.end() || !found->second.succeeded || !runs_.contains(event.run)) {
    return violate(1, text(event.run, event.step) + " was repeated although it had not succeeded in a live run");
  }
  found->second.phase = Phase::kReady;
  found->second.outputs_committed = false;
  found->second.succeeded = false;
  found->second.not_before_wall_ms = 0;
}

void InvariantChecker::on(const StepSkipped& event, Now) { end_step(event.run, event.step, "was skipped"); }
void InvariantChecker::on(const StepCancelled& event, Now) { end_step(event.run, event.step, "was cancelled"); }

void InvariantChecker::on(const StepFailed& event, Now) {
  const auto found = steps_.find({event.run, event.step});
  if (found != steps_.end() && found->second.word == Step::Word::kApproved) {
    violate_rule(text(event.run, event.step) + " failed although a person approved it");
  }
  end_step(event.run, event.step, "failed");
}

void InvariantChecker::on(const StepSucceeded& event, Now) {
  const auto found = steps_.find({event.run, event.step});
  const bool taken_over = !event.cached_from.value.empty();  // of a run in which somebody did
  if (found != steps_.end() && found->second.plan.uses == "approve" && !taken_over &&
      found->second.word != Step::Word::kApproved) {
    violate_rule(text(event.run, event.step) + " succeeded although nobody approved it");
  }
  end_step(event.run, event.step, "succeeded");
  if (found != steps_.end()) {
    found->second.succeeded = true;
  }
}

void InvariantChecker::on(const ApprovalDecided& event, Now) {
  Step* step = step_of(event.run, event.step, "was decided by a person");
  if (step == nullptr) {
    return;
  }
  if (step->plan.uses != "approve" || step->phase != Phase::kReady || step->word != Step::Word::kNone) {
    violate_rule(text(event.run, event.step) + " was decided by a person for whom it did not wait");
  }
  step->word = event.approved ? Step::Word::kApproved : Step::Word::kRejected;
}
void InvariantChecker::on(const AttemptReady& event, Now) { newest_open(event.attempt, 2, "was ready"); }

void InvariantChecker::on(const AttemptStarted& event, Now) {
  if (Step* step = newest_open(event.attempt, 2, "started")) {
    step->phase = Phase::kRunning;
  }
}

void InvariantChecker::on(const StepRetrying& event, Now) {
  Step* step = step_of(event.run, event.step, "was to be retried");
  if (step == nullptr) {
    return;
  }
  step->phase = Phase::kReady;
  step->not_before_wall_ms = event.not_before_wall_ms;
  const plan::Retry& budget = step->plan.retry;
  const bool by_infrastructure = event.because == Outcome::kInfrastructureFailure;
  const bool by_preemption = event.because == Outcome::kPreempted;
  if (by_infrastructure ? step->infrastructure_failures > budget.infrastructure
      : by_preemption   ? step->preemptions > budget.preemption
                        : step->user_failures > budget.user) {
    violate_rule(text(event.run, event.step) + " is retried beyond its budget");
  }
  if (by_infrastructure && std::cmp_greater_equal(step->crashed_on.size(), options_.crash_limit)) {
    violate_rule(text(event.run, event.step) + " is retried beyond the crash limit");
  }
}

void InvariantChecker::hold(const AttemptId& attempt, const Allocation& allocation) {
  allocations_[attempt] = allocation;
  for (const int gpu : allocation.gpus) {
    const auto [holder, free] = gpus_.emplace(std::pair{allocation.agent, gpu}, attempt);
    if (!free) {
      violate(4, "GPU " + std::to_string(gpu) + " of " + allocation.agent.value + " was sold to " + to_string(attempt) +
                     " while " + to_string(holder->second) + " holds it");
    }
  }
  if (!allocation.rendezvous.empty() && !rendezvous_.emplace(allocation.rendezvous, attempt).second) {
    violate(4, "two gangs meet at " + allocation.rendezvous);
  }
}

void InvariantChecker::on(const AttemptAssigned& event, Now) {
  Step* step = step_of(event.attempt.run, event.attempt.step, "was assigned");
  if (step == nullptr) {
    return;
  }
  if (!storage_low_.empty()) {
    violate_rule(to_string(event.attempt) + " was assigned although the controller's disk is short of space");
  }
  if (step->attempt_open || event.attempt.number != step->newest_attempt + step->attempts_lost + 1) {
    violate(2, to_string(event.attempt) + " was assigned while attempt " + std::to_string(step->newest_attempt) +
                   (step->attempt_open ? " could still commit" : " was the newest"));
  }
  if (event.resume_step != step->newest_checkpoint) {
    violate(7, to_string(event.attempt) + " resumes at " + std::to_string(event.resume_step) +
                   " although the newest committed checkpoint is " + std::to_string(step->newest_checkpoint));
  }
  step->phase = Phase::kAssigned;
  step->newest_attempt = event.attempt.number;
  step->agents = {event.allocation.agent};
  step->done.clear();
  step->attempts_lost = 0;
  step->attempt_open = true;
  if (step->plan.max_parallel > 0 &&
      std::cmp_greater(busy_members(event.attempt.run, step->plan.name), step->plan.max_parallel)) {
    violate_rule(to_string(event.attempt) + " was assigned beyond max_parallel of its matrix");
  }
  hold(event.attempt, event.allocation);
  AttemptId rank = event.attempt;
  for (const Allocation& allocation : event.gang) {
    ++rank.rank;
    step->agents.push_back(allocation.agent);
    hold(rank, allocation);
  }
  if (std::cmp_not_equal(step->agents.size(), step->plan.resources.nodes) ||
      std::set<AgentId>(step->agents.begin(), step->agents.end()).size() != step->agents.size()) {
    violate(3, to_string(event.attempt) + " was given " + std::to_string(step->agents.size()) +
                   " allocations; it wants " + std::to_string(step->plan.resources.nodes) + " different agents");
  }
}

void InvariantChecker::on(const RankFinished& event, Now) {
  Step* step = newest_open(event.attempt, 2, "finished a rank");
  if (step != nullptr && !step->done.insert(event.attempt.rank).second) {
    violate(2, to_string(event.attempt) + " finished twice");
  }
}

void InvariantChecker::on(const CheckpointCommitted& event, Now) {
  Step* step = newest_open(event.attempt, 2, "committed a checkpoint");
  if (step != nullptr) {
    if (event.checkpoint.step <= step->newest_checkpoint) {
      violate(7, to_string(event.attempt) + " committed checkpoint " + std::to_string(event.checkpoint.step) +
                     " after " + std::to_string(step->newest_checkpoint));
    }
    step->newest_checkpoint = event.checkpoint.step;
  }
}

void InvariantChecker::on(const AttemptEnded& event, Now) {
  Step* step = newest_open(event.attempt, 2, "ended");
  if (step == nullptr) {
    return;
  }
  step->attempt_open = false;
  switch (event.outcome) {
    case Outcome::kSucceeded:
      if (step->outputs_committed) {
        violate(2, to_string(event.attempt) + " committed outputs after another attempt had");
      }
      step->outputs_committed = true;
      if (step->agents.size() > 1 && step->done.size() != step->agents.size()) {
        violate(3, to_string(event.attempt) + " succeeded when " + std::to_string(step->done.size()) + " of " +
                       std::to_string(step->agents.size()) + " ranks had");
      }
      break;
    case Outcome::kInfrastructureFailure:
      ++step->infrastructure_failures;
      if (is_crash(event.error_code)) {
        step->crashed_on.insert(step->agents.at(static_cast<std::size_t>(event.attempt.rank)));
      }
      break;
    case Outcome::kPreempted: ++step->preemptions; break;
    case Outcome::kUserFailure:
    case Outcome::kTimedOut: ++step->user_failures; break;
    case Outcome::kStopped: break;
  }
}

void InvariantChecker::on(const AllocationReleased& event, Now) {
  const auto found = allocations_.find(event.attempt);
  if (found == allocations_.end()) {
    violate(4, to_string(event.attempt) + " released what it did not hold");
    return;
  }
  for (const int gpu : found->second.gpus) {
    gpus_.erase({found->second.agent, gpu});
  }
  rendezvous_.erase(found->second.rendezvous);
  allocations_.erase(found);
}

void InvariantChecker::on(const RunFinished& event, Now) {
  for (const StepId& step : runs_[event.run]) {
    const auto found = steps_.find({event.run, step});
    if (found != steps_.end() && found->second.phase != Phase::kOver) {
      violate(1, text(event.run, step) + " has no terminal state although its run ended");
    }
    steps_.erase({event.run, step});
  }
  runs_.erase(event.run);
}

void InvariantChecker::on(const StorageChanged& event, Now) { storage_low_ = event.low; }

void InvariantChecker::on(const DeploymentRequested& event, Now) {
  const auto [place, made] = steps_.emplace(Key{event.deployment, serve_step()}, Step{});
  if (made) {
    place->second.plan = serving(options_);
    place->second.phase = Phase::kReady;
  }
}

void InvariantChecker::on(const DeploymentStopped& event, Now) { steps_.erase({event.deployment, serve_step()}); }

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
