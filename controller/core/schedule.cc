#include <algorithm>
#include <tuple>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

constexpr double kCpuTolerance = 1e-9;

struct Candidate {
  const LiveRun* run;
  RunId id;
  const plan::Step* step;
  std::size_t place;  // in the plan
};

// Ready steps that wait for an agent, the most urgent first.
std::vector<Candidate> ready_steps(const State& state, Now now) {
  std::vector<Candidate> ready;
  for (const auto& [id, run] : state.runs) {
    for (std::size_t i = 0; i < run.plan.steps.size(); ++i) {
      const plan::Step& step = run.plan.steps[i];
      const LiveStep& live = run.steps.at(step.id);
      if (step.place == plan::Place::kAgent && live.status == StepStatus::kReady && is_due(live, step.retry, now)) {
        ready.push_back({&run, id, &step, i});
      }
    }
  }
  std::sort(ready.begin(), ready.end(), [](const Candidate& a, const Candidate& b) {
    return std::make_tuple(-a.step->priority, a.run->order, a.place) <
           std::make_tuple(-b.step->priority, b.run->order, b.place);
  });
  return ready;
}

using FreeByAgent = std::map<AgentId, FreeResources>;

// Agents that may be given work; the others' resources are not on sale.
FreeByAgent open_agents(const State& state) {
  FreeByAgent open;
  for (const auto& [id, agent] : state.agents) {
    if (agent.status == AgentStatus::kConnected) {
      open.emplace(id, free_resources(state, id));
    }
  }
  return open;
}

void assign(Turn& turn, const RunId& run, const StepId& id, Allocation allocation) {
  const LiveStep& step = *find_step(turn.state, run, id);
  AttemptAssigned event{.attempt = {run, id, step.attempt_number + 1}, .allocation = std::move(allocation)};
  if (!step.checkpoints.empty()) {
    event.resume_artifact = step.checkpoints.back().artifact;
    event.resume_step = step.checkpoints.back().step;
  }
  const AttemptId attempt = event.attempt;
  const AgentId agent = event.allocation.agent;
  turn.record(std::move(event));
  turn.send(agent, start_command(turn.state, attempt));
}

void place_step(Turn& turn, const Candidate& candidate, FreeByAgent& open) {
  const plan::Resources& wanted = candidate.step->resources;
  FreeByAgent::iterator best = open.end();
  for (auto each = open.begin(); each != open.end(); ++each) {
    if (fits(each->second, wanted) && (best == open.end() || each->second.cpus > best->second.cpus)) {
      best = each;
    }
  }
  if (best == open.end()) {
    return;
  }
  auto& [agent, free] = *best;
  Allocation allocation{.agent = agent, .cpus = wanted.cpus, .memory_bytes = wanted.memory_bytes, .gpus = {}};
  const auto gpus_end = free.gpus.begin() + wanted.gpus;
  allocation.gpus.assign(free.gpus.begin(), gpus_end);
  free.gpus.erase(free.gpus.begin(), gpus_end);
  free.cpus -= wanted.cpus;
  free.memory_bytes -= wanted.memory_bytes;
  assign(turn, candidate.id, candidate.step->id, std::move(allocation));
}

// Serving is promised no CPU: it shares what there is, so that people can talk to a model while the same small
// machine trains, and so that an idle model never holds a step back.
void place_deployments(Turn& turn, FreeByAgent& open) {
  const plan::Retry budget = retry_of(turn.state, RunId{}, serve_step());
  for (const auto& [id, deployment] : turn.state.deployments) {
    if (open.empty() || deployment.serve.status != StepStatus::kReady || !is_due(deployment.serve, budget, turn.now)) {
      continue;
    }
    const auto best = std::min_element(open.begin(), open.end(), [](const auto& a, const auto& b) {
      return std::make_tuple(a.second.serving, -a.second.cpus) < std::make_tuple(b.second.serving, -b.second.cpus);
    });
    ++best->second.serving;
    assign(turn, id, serve_step(), Allocation{.agent = best->first});
  }
}

}  // namespace

FreeResources free_resources(const State& state, const AgentId& id) {
  const AgentResources& all = state.agents.at(id).resources;
  FreeResources free{.cpus = all.cpus, .memory_bytes = all.memory_bytes};
  std::set<int> gpus;
  for (const Gpu& gpu : all.gpus) {
    gpus.insert(gpu.index);
  }
  for (const auto& [attempt, allocation] : state.allocations) {
    if (allocation.agent == id) {
      free.cpus -= allocation.cpus;
      free.memory_bytes -= std::min(free.memory_bytes, allocation.memory_bytes);
      free.serving += is_deployment(attempt.run) ? 1 : 0;
      for (const int gpu : allocation.gpus) {
        gpus.erase(gpu);
      }
    }
  }
  free.gpus.assign(gpus.begin(), gpus.end());
  return free;
}

bool fits(const FreeResources& free, const plan::Resources& wanted) {
  return free.cpus + kCpuTolerance >= wanted.cpus && free.memory_bytes >= wanted.memory_bytes &&
         std::cmp_greater_equal(free.gpus.size(), wanted.gpus);
}

StartAttempt start_command(const State& state, const AttemptId& id) {
  const LiveStep& live = *find_step(state, id.run, id.step);
  StartAttempt command{.attempt = id,
                       .uses = "serve",
                       .with = live.with,
                       .allocation = state.allocations.at(id),
                       .resume_artifact = live.attempt.resume_artifact,
                       .resume_step = live.attempt.resume_step};
  if (const plan::Step* planned = find_plan_step(state, id.run, id.step)) {
    command.uses = planned->uses;
    command.timeout = planned->timeout;
    command.exclusive = planned->exclusive;
  } else {
    const Deployment& deployment = state.deployments.at(id.run);
    command.with = Json{{"model", model_value(deployment.weights, deployment.model, 0)}};
  }
  return command;
}

void schedule(Turn& turn) {
  const std::vector<Candidate> ready = ready_steps(turn.state, turn.now);
  const bool serving_waits =
      std::any_of(turn.state.deployments.begin(), turn.state.deployments.end(),
                  [](const auto& each) { return each.second.serve.status == StepStatus::kReady; });
  if (ready.empty() && !serving_waits) {
    return;
  }
  FreeByAgent open = open_agents(turn.state);
  place_deployments(turn, open);
  for (const Candidate& candidate : ready) {
    place_step(turn, candidate, open);
  }
}

}  // namespace luthier::core::internal
