// Attempts on several nodes: one process on each, all or none.
#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core {
namespace {

const GangMember& member(const Attempt& attempt, std::int32_t rank) {
  LUTHIER_CHECK(rank > 0 && rank < world_size(attempt));
  return attempt.gang[static_cast<std::size_t>(rank) - 1];
}

}  // namespace

std::int32_t world_size(const Attempt& attempt) { return static_cast<std::int32_t>(attempt.gang.size()) + 1; }

const AgentId& agent_of(const Attempt& attempt, std::int32_t rank) {
  return rank == 0 ? attempt.agent : member(attempt, rank).agent;
}

bool rank_started(const Attempt& attempt, std::int32_t rank) {
  return rank == 0 ? attempt.started : member(attempt, rank).started;
}

bool rank_done(const Attempt& attempt, std::int32_t rank) {
  return rank == 0 ? attempt.done : member(attempt, rank).done;
}

Json add_usage(const Json& one, const Json& other) {
  Json sum = one.is_object() ? one : Json::object();
  for (const auto& [name, value] : other.items()) {
    const Json before = sum.value(name, Json(0));
    if (name.starts_with("peak_")) {
      sum[name] = std::max(before, value);
    } else if (value.is_number() && before.is_number()) {
      sum[name] = before.get<double>() + value.get<double>();
    }
  }
  return sum;
}

namespace internal {

void stop_ranks(Turn& turn, const AttemptId& attempt, const Attempt& live, StopReason reason,
                std::optional<std::int32_t> except) {
  for (std::int32_t number = 0; number < world_size(live); ++number) {
    if (number != except && !rank_done(live, number)) {
      turn.send(agent_of(live, number), StopAttempt{{attempt.run, attempt.step, attempt.number, number}, reason});
    }
  }
}

std::string free_rendezvous(const State& state, const AgentId& agent) {
  const AgentResources& offer = state.agents.at(agent).resources;
  if (offer.rendezvous_host.empty() || offer.rendezvous_port_first < 1) {
    return {};
  }
  std::set<std::string> taken;  // agents on one host share its ports
  for (const auto& [attempt, allocation] : state.allocations) {
    taken.insert(allocation.rendezvous);
  }
  for (int port = offer.rendezvous_port_first; port <= offer.rendezvous_port_last; ++port) {
    if (std::string place = offer.rendezvous_host + ":" + std::to_string(port); !taken.contains(place)) {
      return place;
    }
  }
  return {};
}

std::vector<AgentId> old_ranks_alive(const State& state, const RunId& run, const StepId& step) {
  std::set<AgentId> agents;
  for (auto each = state.allocations.lower_bound({run, step}); each != state.allocations.end(); ++each) {
    if (each->first.run != run || each->first.step != step) {
      break;
    }
    // What a lost agent ran has ended by its lease.
    const auto agent = state.agents.find(each->second.agent);
    if (agent != state.agents.end() && agent->second.status != AgentStatus::kLost) {
      agents.insert(agent->first);
    }
  }
  return {agents.begin(), agents.end()};
}

std::vector<AgentId> agents_of(const Attempt& attempt) {
  std::vector<AgentId> agents{attempt.agent};
  for (const GangMember& each : attempt.gang) {
    agents.push_back(each.agent);
  }
  return agents;
}

}  // namespace internal
}  // namespace luthier::core
