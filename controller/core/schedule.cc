#include <algorithm>
#include <tuple>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

constexpr double kCpuTolerance = 1e-9;

using FreeByAgent = std::map<AgentId, FreeResources>;

// Agents that may be given work; the others' resources are not on sale.
FreeByAgent open_agents(const State& state) {
  FreeByAgent open = free_resources(state);
  std::erase_if(open, [&state](const auto& each) {
    const auto agent = state.agents.find(each.first);
    return agent == state.agents.end() || agent->second.status != AgentStatus::kConnected || !takes_work(agent->second);
  });
  return open;
}

// `ranks`: what each of them is promised, from rank 0 on.
void assign(Turn& turn, const RunId& run, const StepId& id, std::vector<Allocation> ranks) {
  const LiveStep& step = *find_step(turn.state, run, id);
  AttemptAssigned event{.attempt = {run, id, next_attempt_number(step)}, .allocation = std::move(ranks.front())};
  ranks.erase(ranks.begin());
  event.gang = std::move(ranks);
  if (!step.checkpoints.empty()) {
    event.resume_artifact = step.checkpoints.back().artifact;
    event.resume_step = step.checkpoints.back().step;
  }
  AttemptId attempt = event.attempt;
  turn.record(std::move(event));
  const Attempt live = find_step(turn.state, run, id)->attempt;
  for (; attempt.rank < world_size(live); ++attempt.rank) {
    turn.send(agent_of(live, attempt.rank), start_command(turn.state, attempt));
  }
}

Allocation take(const AgentId& agent, FreeResources& free, const plan::Resources& wanted) {
  Allocation allocation{.agent = agent, .cpus = wanted.cpus, .memory_bytes = wanted.memory_bytes, .gpus = {}};
  const auto gpus_end = free.gpus.begin() + wanted.gpus;
  allocation.gpus.assign(free.gpus.begin(), gpus_end);
  free.gpus.erase(free.gpus.begin(), gpus_end);
  free.cpus -= wanted.cpus;
  free.memory_bytes -= wanted.memory_bytes;
  return allocation;
}

// The agents with room for one node of it, those with most free CPUs first.
std::vector<FreeByAgent::iterator> candidates(const State& state, const plan::Resources& wanted, FreeByAgent& open) {
  std::vector<FreeByAgent::iterator> found;
  for (auto each = open.begin(); each != open.end(); ++each) {
    if (fits(each->second, wanted) && has_labels(state.agents.at(each->first), wanted.labels)) {
      found.push_back(each);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](auto a, auto b) { return a->second.cpus > b->second.cpus; });
  return found;
}

// Whether as many agents as it wants nodes had room for it: all, or none is touched.
bool place_step(Turn& turn, const ReadyKey& key, const plan::Step& step, FreeByAgent& open) {
  const plan::Resources& wanted = step.resources;
  std::vector<FreeByAgent::iterator> places = candidates(turn.state, wanted, open);
  if (std::cmp_less(places.size(), wanted.nodes)) {
    return false;
  }
  std::string rendezvous;
  if (wanted.nodes > 1) {  // rank 0 goes where the others can meet it
    const auto host = std::find_if(places.begin(), places.end(),
                                   [&](auto place) { return !free_rendezvous(turn.state, place->first).empty(); });
    if (host == places.end()) {
      return false;
    }
    rendezvous = free_rendezvous(turn.state, (*host)->first);
    std::rotate(places.begin(), host, host + 1);
  }
  std::vector<Allocation> ranks;
  for (int rank = 0; rank < wanted.nodes; ++rank) {
    auto& [agent, free] = *places[static_cast<std::size_t>(rank)];
    ranks.push_back(take(agent, free, wanted));
  }
  ranks.front().rendezvous = rendezvous;
  assign(turn, key.run, step.id, std::move(ranks));
  return true;
}

// The most urgent first. Room only shrinks on the way, so what found none is not looked for again.
void place_steps(Turn& turn, FreeByAgent& open) {
  const ReadyQueue& queue = turn.state.queue;
  std::set<Shape> full;
  for (auto next = queue.ready.begin(); next != queue.ready.end() && full.size() < queue.shapes.size();) {
    const ReadyKey key = *next++;  // assigning takes the key out of the queue
    const LiveRun& run = turn.state.runs.at(key.run);
    const plan::Step& step = run.plan.steps.at(key.position);
    const Shape shape = shape_of(step);
    const bool waits =
        step.exclusive && step.resources.nodes > 1 && !old_ranks_alive(turn.state, key.run, step.id).empty();
    if (!waits && !full.contains(shape) && members_ahead(run, step).empty() &&
        is_due(run.steps.at(step.id), step.retry, turn.now) && !place_step(turn, key, step, open)) {
      full.insert(shape);
    }
  }
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
    assign(turn, id, serve_step(), {Allocation{.agent = best->first}});
  }
}

}  // namespace

bool takes_work(const Agent& agent) { return !agent.cordoned && !agent.draining; }

bool has_labels(const Agent& agent, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&agent](const auto& label) {
    const auto found = agent.labels.find(label.first);
    return found != agent.labels.end() && found->second == label.second;
  });
}

std::vector<StepId> members_ahead(const LiveRun& run, const plan::Step& step) {
  std::vector<StepId> members;
  if (step.max_parallel == 0) {
    return members;
  }
  const auto busy = run.index.busy_members.find(step.name);
  if (busy != run.index.busy_members.end() && std::cmp_greater_equal(busy->second.size(), step.max_parallel)) {
    for (const std::uint32_t position : busy->second) {
      members.push_back(run.plan.steps.at(position).id);
    }
  }
  return members;
}

std::map<AgentId, FreeResources> free_resources(const State& state) {
  std::map<AgentId, FreeResources> all;
  for (const auto& [id, agent] : state.agents) {
    FreeResources& free = all[id];
    free = {.cpus = agent.resources.cpus, .memory_bytes = agent.resources.memory_bytes};
    for (const Gpu& gpu : agent.resources.gpus) {
      free.gpus.push_back(gpu.index);
    }
    std::sort(free.gpus.begin(), free.gpus.end());
  }
  for (const auto& [attempt, allocation] : state.allocations) {
    FreeResources& free = all[allocation.agent];
    free.cpus -= allocation.cpus;
    free.memory_bytes -= std::min(free.memory_bytes, allocation.memory_bytes);
    free.serving += is_deployment(attempt.run) ? 1 : 0;
    std::erase_if(free.gpus, [&](int gpu) {
      return std::find(allocation.gpus.begin(), allocation.gpus.end(), gpu) != allocation.gpus.end();
    });
  }
  return all;
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
                       .resume_step = live.attempt.resume_step,
                       .world_size = world_size(live.attempt),
                       .rendezvous = live.attempt.rendezvous};
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
  if (!turn.state.storage_low.empty()) {
    return;  // what runs already may end: that needs the room that is left
  }
  const bool serving_waits =
      std::any_of(turn.state.deployments.begin(), turn.state.deployments.end(),
                  [](const auto& each) { return each.second.serve.status == StepStatus::kReady; });
  if (turn.state.queue.ready.empty() && !serving_waits) {
    return;
  }
  FreeByAgent open = open_agents(turn.state);
  place_deployments(turn, open);
  place_steps(turn, open);
}

void tell_of_waiting(Turn& turn) {
  for (const ReadyKey& key : turn.state.queue.notices_until(turn.now.wall_ms)) {
    const StepId step = turn.state.runs.at(key.run).plan.steps.at(key.position).id;
    const std::string reason = waiting_reason(turn.state, key.run, step, turn.now);
    turn.record(StepWaiting{key.run, step, reason});
    publish_step(turn, "step.waiting", key.run, step, Json{{"reason", reason}});
  }
}

}  // namespace luthier::core::internal
