#include <algorithm>
#include <charconv>

#include "controller/core/core.h"

namespace luthier::core {
namespace {

// apply() meets only what step() journaled, so a missing thing is a broken invariant, not bad input.
LiveStep& live_step(State& state, const RunId& run, const StepId& step) {
  LiveStep* found = const_cast<LiveStep*>(find_step(state, run, step));  // `state` itself is not const
  LUTHIER_CHECK(found != nullptr);
  return *found;
}
LiveStep& live_step(State& state, const AttemptId& attempt) { return live_step(state, attempt.run, attempt.step); }

// "r-17" -> 17.
std::uint64_t number_of(const RunId& run) {
  std::uint64_t number = 0;
  const std::string& text = run.value;
  LUTHIER_CHECK(text.size() > 2);
  const auto end = std::from_chars(text.data() + 2, text.data() + text.size(), number);
  LUTHIER_CHECK(end.ec == std::errc{});
  return number;
}

// An agent may still run what a lost record assigned, under a number that must not name anything else.
void skip_numbers(State& state, std::uint64_t count) {
  constexpr std::uint64_t kCountMax = 1'000'000;  // of attempts of one step: more than there can be
  const auto attempts = static_cast<std::int32_t>(std::min(count, kCountMax));
  const auto skip = [attempts](LiveStep& step) {
    step.attempts_lost = std::min<std::int32_t>(step.attempts_lost + attempts, kCountMax);
  };
  state.next_run += count;
  state.next_deployment += count;
  for (auto& [id, run] : state.runs) {
    for (auto& [step_id, step] : run.steps) {
      skip(step);
    }
  }
  for (auto& [id, deployment] : state.deployments) {
    skip(deployment.serve);
  }
}

void on(State& state, const ControllerStarted& event, Now) {
  state.epoch = event.epoch;
  state.seed = event.seed;
  skip_numbers(state, event.numbers_lost);
  for (auto& [id, agent] : state.agents) {
    if (agent.status == AgentStatus::kConnected) {
      agent.status = AgentStatus::kUnconfirmed;
    }
  }
}

void on(State& state, const AgentJoined& event, Now) {
  Agent& agent = state.agents[event.agent];
  agent.name = event.name;
  agent.boot_id = event.boot_id;
  agent.resources = event.resources;
  agent.labels = event.labels;
  agent.version = event.version;
  agent.status = AgentStatus::kConnected;
  agent.lost_reason.clear();
}

void on(State& state, const AgentLost& event, Now) {
  Agent& agent = state.agents[event.agent];
  agent.status = AgentStatus::kLost;
  agent.lost_reason = event.reason;
}

void on(State& state, const AgentCordoned& event, Now) {
  Agent& agent = state.agents.at(event.agent);
  agent.cordoned = event.cordoned;
  agent.draining = agent.drained = agent.drains_itself = false;
  agent.drain_deadline_wall_ms = 0;
}

void on(State& state, const AgentDraining& event, Now) {
  Agent& agent = state.agents.at(event.agent);
  agent.draining = true;
  agent.drained = false;
  agent.drains_itself = event.by_itself;
  agent.drain_deadline_wall_ms = event.deadline_wall_ms;
}

void on(State& state, const AgentDrained& event, Now) { state.agents.at(event.agent).drained = true; }

void on(State& state, const AgentForgotten& event, Now) { state.agents.erase(event.agent); }

void on(State& state, const RunSubmitted& event, Now) {
  LiveRun run;
  run.order = number_of(event.run);
  run.plan = event.plan;
  run.plan_hash = hash(plan::to_json(event.plan));
  run.submitted_by = event.submitted_by;
  for (const plan::Step& step : event.plan.steps) {
    run.steps.emplace(step.id, LiveStep{});
  }
  state.next_run = std::max(state.next_run, run.order + 1);
  state.runs.emplace(event.run, std::move(run));
  index_run(state, event.run);
}

void on(State& state, const StepReady& event, Now now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kReady;
  step.with = event.with;
  step.cache = event.cache;
  step.checkpoints = event.checkpoints;
  step.waits_since_wall_ms = now.wall_ms;
  LiveRun& run = state.runs.at(event.run);
  if (run.plan.steps.at(run.index.position.at(event.step)).place == plan::Place::kController) {
    run.started = true;  // it runs now, without an attempt
  }
}

void on(State& state, const StepSkipped& event, Now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kSkipped;
  step.reason = event.reason;
}

void on(State& state, const AttemptAssigned& event, Now) {
  LiveStep& step = live_step(state, event.attempt);
  LUTHIER_CHECK(event.attempt.number == next_attempt_number(step));
  step.status = StepStatus::kAssigned;
  step.attempt_number = event.attempt.number;
  step.attempts_lost = 0;
  step.attempt = Attempt{
      .agent = event.allocation.agent, .resume_artifact = event.resume_artifact, .resume_step = event.resume_step};
  step.attempt.rendezvous = event.allocation.rendezvous;
  state.allocations.emplace(event.attempt, event.allocation);
  AttemptId rank = event.attempt;
  for (const Allocation& allocation : event.gang) {
    ++rank.rank;
    step.attempt.gang.push_back(GangMember{.agent = allocation.agent});
    state.allocations.emplace(rank, allocation);
  }
}

void on(State& state, const AttemptStarted& event, Now) {
  LiveStep& step = live_step(state, event.attempt);
  step.status = StepStatus::kRunning;
  if (event.attempt.rank == 0) {
    step.attempt.started = true;
  } else {
    step.attempt.gang.at(static_cast<std::size_t>(event.attempt.rank - 1)).started = true;
  }
  if (const auto run = state.runs.find(event.attempt.run); run != state.runs.end()) {
    run->second.started = true;
  }
}

void on(State& state, const AttemptReady& event, Now) { live_step(state, event.attempt).attempt.ready = true; }

void on(State& state, const AttemptSilent& event, Now now) {
  live_step(state, event.attempt).attempt.silent_since_wall_ms =
      event.silent_ms == 0 ? 0 : std::max<std::int64_t>(1, now.wall_ms - event.silent_ms);
}

void on(State& state, const AttemptPreempted& event, Now) { live_step(state, event.attempt).attempt.preempted = true; }

void on(State& state, const CheckpointCommitted& event, Now) {
  live_step(state, event.attempt).checkpoints.push_back(event.checkpoint);
}

void on(State& state, const RankFinished& event, Now) {
  Attempt& attempt = live_step(state, event.attempt).attempt;
  if (event.attempt.rank == 0) {
    attempt.done = true;
    attempt.outputs = event.outputs;
  } else {
    attempt.gang.at(static_cast<std::size_t>(event.attempt.rank - 1)).done = true;
  }
  attempt.usage = add_usage(attempt.usage, event.usage);
}

void on(State& state, const AttemptEnded& event, Now) {
  LiveStep& step = live_step(state, event.attempt);
  const AgentId& agent = agent_of(step.attempt, event.attempt.rank);
  step.attempt.ended = true;
  step.attempt.ready = false;
  switch (event.outcome) {
    case Outcome::kSucceeded:
    case Outcome::kStopped: break;
    case Outcome::kInfrastructureFailure:
      ++step.infrastructure_failures;
      if (is_crash(event.error_code) &&
          std::find(step.crashed_on.begin(), step.crashed_on.end(), agent) == step.crashed_on.end()) {
        step.crashed_on.push_back(agent);
      }
      break;
    case Outcome::kPreempted: ++step.preemptions; break;
    case Outcome::kUserFailure:
    case Outcome::kTimedOut: ++step.user_failures; break;
  }
  step.reason = event.error_message;
}

void on(State& state, const AllocationReleased& event, Now) { state.allocations.erase(event.attempt); }

void on(State& state, const StepRetrying& event, Now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kReady;
  step.not_before_wall_ms = event.not_before_wall_ms;
  step.waits_since_wall_ms = event.not_before_wall_ms;
  step.waiting_told = false;
}

void on(State& state, const StepWaiting& event, Now) { live_step(state, event.run, event.step).waiting_told = true; }

// Keeps the outputs for later runs, or marks them as used.
void remember_outputs(State& state, const StepSucceeded& event, const LiveStep& step) {
  if (!step.cache.is_object() || !step.cache.contains("components")) {
    return;
  }
  if (step.cache.contains("hit")) {
    const std::string key = step.cache["hit"].value("components", step.cache["components"]).dump();
    if (const auto found = state.cache.find(key); found != state.cache.end()) {
      found->second.used = ++state.cache_uses;
    }
    return;
  }
  state.cache[step.cache["components"].dump()] = CachedOutputs{.run = event.run,
                                                               .step = event.step,
                                                               .pipeline = state.runs.at(event.run).plan.pipeline,
                                                               .components = step.cache["components"],
                                                               .outputs = event.outputs,
                                                               .used = ++state.cache_uses};
  if (state.cache.size() > kCacheEntriesMax) {
    state.cache.erase(std::ranges::min_element(state.cache, {}, [](const auto& entry) { return entry.second.used; }));
  }
}

void on(State& state, const StepSucceeded& event, Now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kSucceeded;
  step.outputs = event.outputs;
  step.reason.clear();
  if (const auto run = state.runs.find(event.run); run != state.runs.end()) {
    run->second.started = true;
    remember_outputs(state, event, step);
  }
}

void on(State& state, const StepFailed& event, Now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kFailed;
  step.reason = event.message;
}

void on(State& state, const StepCancelled& event, Now) {
  live_step(state, event.run, event.step).status = StepStatus::kCancelled;
}

void on(State&, const ApprovalDecided&, Now) {}  // the end that follows changes the step; this keeps who decided

void on(State& state, const CancelRequested& event, Now) { state.runs.at(event.run).cancel_requested = true; }

void on(State& state, const RunFinished& event, Now) {
  unindex_run(state, event.run);
  state.runs.erase(event.run);
}

void on(State& state, const StorageChanged& event, Now) { state.storage_low = event.low; }
void on(State& state, const StepRepeated& event, Now now) {
  LiveStep& step = live_step(state, event.run, event.step);
  step.status = StepStatus::kReady;
  step.with = event.with;
  step.cache = event.cache;
  step.outputs = Json::object();
  step.reason = event.reason;
  step.not_before_wall_ms = 0;
  step.waits_since_wall_ms = now.wall_ms;
  step.waiting_told = false;
  ++step.repeats;
}

void on(State& state, const ModelRegistered& event, Now) {
  Model& model = state.models[event.model];
  model.versions[event.version] = ModelVersion{event.weights, event.lineage, event.metrics, event.description};
  model.newest = std::max(model.newest, event.version);
}

void on(State& state, const AliasMoved& event, Now) {
  Model& model = state.models[event.model];
  model.aliases[event.alias] = event.to_version;
  std::vector<int>& trail = model.trails[event.alias];
  if (event.rollback) {
    while (!trail.empty() && trail.back() != event.to_version) {
      trail.pop_back();
    }
  }
  if (trail.empty() || trail.back() != event.to_version) {
    trail.push_back(event.to_version);
  }
}

void on(State& state, const ModelDeleted& event, Now) {
  Model& model = state.models.at(event.model);
  model.versions.erase(event.version);
  for (auto& [alias, trail] : model.trails) {
    std::erase(trail, event.version);
  }
}

// The first one makes the deployment; each later one says that it is still used.
void on(State& state, const DeploymentRequested& event, Now now) {
  const auto [place, made] = state.deployments.try_emplace(event.deployment);
  Deployment& deployment = place->second;
  deployment.model = event.model;
  deployment.weights = event.weights;
  deployment.used_wall_ms = now.wall_ms;
  if (made) {
    deployment.serve.status = StepStatus::kReady;
    state.next_deployment = std::max(state.next_deployment, number_of(event.deployment) + 1);
  }
}

void on(State& state, const DeploymentStopped& event, Now) { state.deployments.erase(event.deployment); }

}  // namespace

void apply(State& state, const Event& event, Now now) {
  std::visit(
      [&](const auto& e) {
        on(state, e, now);
        if constexpr (requires { e.attempt.step; }) {
          index_step(state, e.attempt.run, e.attempt.step);
        } else if constexpr (requires { e.run, e.step; }) {
          index_step(state, e.run, e.step);
        }
      },
      event);
}

const LiveStep* find_step(const State& state, const RunId& run, const StepId& step) {
  if (const auto found = state.runs.find(run); found != state.runs.end()) {
    const auto live = found->second.steps.find(step);
    return live == found->second.steps.end() ? nullptr : &live->second;
  }
  const auto found = state.deployments.find(run);
  return found == state.deployments.end() || step != serve_step() ? nullptr : &found->second.serve;
}

bool is_terminal(StepStatus status) {
  switch (status) {
    case StepStatus::kWaiting:
    case StepStatus::kReady:
    case StepStatus::kAssigned:
    case StepStatus::kRunning: return false;
    case StepStatus::kSucceeded:
    case StepStatus::kFailed:
    case StepStatus::kCancelled:
    case StepStatus::kSkipped: return true;
  }
  LUTHIER_CHECK(false);
}

bool is_crash(const std::string& code) {
  return code == "agent_lost" || code == "agent_restarted" || code == "shim_lost" || code == "killed" ||
         code == "hung" || code == "stalled";
}

std::int32_t next_attempt_number(const LiveStep& step) { return step.attempt_number + step.attempts_lost + 1; }

bool is_deployment(const RunId& run) { return run.value.starts_with("d-"); }
StepId serve_step() { return StepId{"serve"}; }

bool is_current(const State& state, const AttemptId& attempt) {
  const LiveStep* step = find_step(state, attempt.run, attempt.step);
  return step != nullptr && attempt.number > 0 && step->attempt_number == attempt.number &&
         !is_terminal(step->status) && !step->attempt.ended && attempt.rank >= 0 &&
         attempt.rank < world_size(step->attempt) && !rank_done(step->attempt, attempt.rank);
}

}  // namespace luthier::core
