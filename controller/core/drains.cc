#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

Error no_such_agent(const State& state, const std::string& name, std::size_t found) {
  if (found > 1) {
    return Error{ErrorCode::kFailedPrecondition,
                 std::to_string(found) + " agents are named '" + name + "'; say which by its id, such as a-1"};
  }
  std::vector<std::string> names;
  for (const auto& [id, agent] : state.agents) {
    names.push_back(id.value);
    names.push_back(agent.name);
  }
  return Error{ErrorCode::kNotFound,
               "there is no agent '" + name + "'" + did_you_mean(name, names) + "; `luthier agents` lists them"};
}

// By id, or by name when only one has it.
Result<AgentId> find_agent(const State& state, const std::string& name) {
  if (state.agents.contains(AgentId{name})) {
    return AgentId{name};
  }
  std::vector<AgentId> found;
  for (const auto& [id, agent] : state.agents) {
    if (agent.name == name) {
      found.push_back(id);
    }
  }
  if (found.size() != 1) {
    return no_such_agent(state, name, found.size());
  }
  return found.front();
}

std::size_t count_allocations(const State& state, const AgentId& agent) {
  return static_cast<std::size_t>(std::count_if(state.allocations.begin(), state.allocations.end(),
                                                [&](const auto& each) { return each.second.agent == agent; }));
}

Json describe(const State& state, const AgentId& id) {
  const Agent& agent = state.agents.at(id);
  return Json{{"agent", id.value},
              {"name", agent.name},
              {"cordoned", agent.cordoned},
              {"drain", agent.drained    ? "drained"
                        : agent.draining ? "draining"
                                         : "no"},
              {"attempts", count_allocations(state, id)}};
}

void preempt(Turn& turn, const AttemptId& attempt, const AgentId& agent, const std::string& reason) {
  turn.record(AttemptPreempted{attempt, reason});
  turn.send(agent, StopAttempt{attempt, StopReason::kPreempted});
}

// Serving has no end of its own to wait for; steps have, until the deadline.
void move_attempts(Turn& turn, const AgentId& id) {
  const Agent& agent = turn.state.agents.at(id);
  const bool due = agent.drain_deadline_wall_ms != 0 && turn.now.wall_ms >= agent.drain_deadline_wall_ms;
  for (const AttemptId& attempt : current_attempts(turn.state, id)) {
    const bool asked = find_step(turn.state, attempt.run, attempt.step)->attempt.preempted;
    if (!asked && (due || is_deployment(attempt.run))) {
      preempt(turn, attempt, id, "agent " + id.value + " is being drained");
    }
  }
}

}  // namespace

void on(Turn& turn, const AgentDrainsItself& input) {
  const auto found = turn.state.agents.find(input.agent);
  if (found == turn.state.agents.end() || found->second.draining) {
    return;
  }
  const std::int64_t deadline = input.deadline.count() == 0 ? 0 : turn.now.wall_ms + input.deadline.count();
  turn.record(AgentDraining{input.agent, deadline, found->second.name, true});
}

void note_own_drain(Turn& turn, const AgentId& agent, bool draining) {
  if (draining) {
    return on(turn, AgentDrainsItself{agent, milliseconds{0}});
  }
  const Agent& known = turn.state.agents.at(agent);
  if (known.drains_itself) {
    turn.record(AgentCordoned{agent, known.cordoned, known.name});
  }
}

void on(Turn& turn, const CordonAgent& input) {
  const Result<AgentId> id = find_agent(turn.state, input.agent);
  if (!id) {
    return turn.refuse(input.request, id.error());
  }
  const Agent& agent = turn.state.agents.at(*id);
  if (agent.cordoned != input.cordoned || agent.draining) {
    turn.record(AgentCordoned{*id, input.cordoned, input.by});
  }
  turn.reply(input.request, describe(turn.state, *id));
}

void on(Turn& turn, const DrainAgent& input) {
  const Result<AgentId> id = find_agent(turn.state, input.agent);
  if (!id) {
    return turn.refuse(input.request, id.error());
  }
  const Agent& agent = turn.state.agents.at(*id);
  const std::int64_t deadline = input.deadline.count() == 0 ? 0 : turn.now.wall_ms + input.deadline.count();
  if (!agent.draining || agent.drain_deadline_wall_ms != deadline) {
    turn.record(AgentDraining{*id, deadline, input.by, false});
  }
  settle_drains(turn);
  turn.reply(input.request, describe(turn.state, *id));
}

void on(Turn& turn, const ForgetAgent& input) {
  const Result<AgentId> id = find_agent(turn.state, input.agent);
  if (!id) {
    return turn.refuse(input.request, id.error());
  }
  if (turn.state.agents.at(*id).status != AgentStatus::kLost) {
    return turn.refuse(input.request, Error{ErrorCode::kFailedPrecondition,
                                            "agent " + id->value +
                                                " is not lost; stop it first (its steps go to other agents when it "
                                                "has been silent long enough), or drain it"});
  }
  std::vector<AttemptId> held;
  for (const auto& [attempt, allocation] : turn.state.allocations) {
    if (allocation.agent == *id) {
      held.push_back(attempt);
    }
  }
  for (const AttemptId& attempt : held) {
    turn.record(AllocationReleased{attempt});
  }
  const Json about = describe(turn.state, *id);
  turn.record(AgentForgotten{*id, input.by});
  turn.reply(input.request, about);
}

void settle_drains(Turn& turn) {
  std::vector<AgentId> draining;
  for (const auto& [id, agent] : turn.state.agents) {
    if (agent.draining && !agent.drained) {
      draining.push_back(id);
    }
  }
  for (const AgentId& id : draining) {
    move_attempts(turn, id);
    if (count_allocations(turn.state, id) == 0) {
      turn.record(AgentDrained{id});
      turn.publish("agent.drained", Json{{"agent", id.value}, {"name", turn.state.agents.at(id).name}});
    }
  }
}

std::int64_t next_drain_wall_ms(const State& state) {
  std::int64_t next = 0;
  for (const auto& [id, agent] : state.agents) {
    const std::int64_t due = agent.drain_deadline_wall_ms;
    if (!agent.draining || agent.drained || due == 0 || (next != 0 && due >= next)) {
      continue;
    }
    const std::vector<AttemptId> held = current_attempts(state, id);
    const bool waits = std::any_of(held.begin(), held.end(), [&](const AttemptId& attempt) {
      return !find_step(state, attempt.run, attempt.step)->attempt.preempted;
    });
    next = waits ? due : next;
  }
  return next;
}

}  // namespace luthier::core::internal
