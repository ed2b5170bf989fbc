#include "controller/core/internal.h"

namespace luthier::core::internal {

std::vector<AttemptId> current_attempts(const State& state, const AgentId& agent) {
  std::vector<AttemptId> found;
  const auto consider = [&](const RunId& run, const StepId& step, const LiveStep& live) {
    AttemptId attempt{run, step, live.attempt_number};
    for (; live.attempt_number > 0 && attempt.rank < world_size(live.attempt); ++attempt.rank) {
      if (agent_of(live.attempt, attempt.rank) == agent && is_current(state, attempt)) {
        found.push_back(attempt);
      }
    }
  };
  for (const auto& [run, live_run] : state.runs) {
    for (const auto& [step, live] : live_run.steps) {
      consider(run, step, live);
    }
  }
  for (const auto& [deployment, live] : state.deployments) {
    consider(deployment, serve_step(), live.serve);
  }
  return found;
}

namespace {

// Returns whether the machine was rebooted since it was last here.
bool remember(Turn& turn, const AgentConnected& input) {
  const auto found = turn.state.agents.find(input.agent);
  const bool known = found != turn.state.agents.end();
  const bool rebooted = known && found->second.boot_id != input.boot_id;
  Agent fresh = known ? found->second : Agent{};  // what people want of it stays
  fresh.name = input.name;
  fresh.boot_id = input.boot_id;
  fresh.resources = input.resources;
  fresh.labels = input.labels;
  fresh.version = input.version;
  fresh.status = AgentStatus::kConnected;
  fresh.lost_reason.clear();
  if (known && found->second == fresh) {
    return rebooted;  // its stream broke and came back
  }
  const bool was_away = !known || found->second.status == AgentStatus::kLost;
  turn.record(AgentJoined{input.agent, input.name, input.boot_id, input.resources, input.labels, input.version});
  if (was_away) {
    turn.publish("agent.joined", Json{{"agent", input.agent.value}, {"name", input.name}});
  }
  return rebooted;
}

// A current attempt that the agent does not hold: it never arrived, or it is gone. After a reboot nobody can tell: it
// may have run unreported, and bytes of its log may be here, so it is not started a second time under the same number.
void restore_or_end(Turn& turn, const AttemptId& attempt, const AgentId& agent, bool rebooted) {
  const LiveStep& step = *find_step(turn.state, attempt.run, attempt.step);
  if (!rebooted && !rank_started(step.attempt, attempt.rank) && turn.state.allocations.contains(attempt)) {
    turn.send(agent, start_command(turn.state, attempt));
    return;
  }
  end_with_failure(
      turn, attempt,
      {.outcome = Outcome::kInfrastructureFailure,
       .exit_code = -1,
       .code = rebooted ? "agent_lost" : "agent_restarted",
       .message = "agent " + agent.value + (rebooted ? " was rebooted and" : "") + " came back without the attempt"});
}

}  // namespace

void on(Turn& turn, const AgentConnected& input) {
  std::set<AttemptId> held;
  for (const HeldAttempt& each : input.held) {
    held.insert(each.attempt);
  }
  turn.effects.push_back(Welcome{input.agent, input.connection});  // before what it is told below
  const bool rebooted = remember(turn, input);
  note_own_drain(turn, input.agent, input.draining);
  for (const AttemptId& attempt : current_attempts(turn.state, input.agent)) {
    if (!held.contains(attempt)) {
      restore_or_end(turn, attempt, input.agent, rebooted);
    }
  }
  std::vector<AttemptId> released;
  for (const auto& [attempt, allocation] : turn.state.allocations) {
    if (allocation.agent == input.agent && !held.contains(attempt) && !is_current(turn.state, attempt)) {
      released.push_back(attempt);
    }
  }
  for (const AttemptId& attempt : released) {
    turn.record(AllocationReleased{attempt});
  }
  for (const AttemptId& attempt : held) {
    if (!is_current(turn.state, attempt)) {
      const bool known = turn.state.allocations.contains(attempt);
      turn.send(input.agent, StopAttempt{attempt, known ? StopReason::kSuperseded : StopReason::kUnknownAttempt});
    } else if (const Attempt& live = find_step(turn.state, attempt.run, attempt.step)->attempt;
               live.preempted && (live.gang.empty() || turn.state.agents.at(input.agent).draining)) {
      turn.send(input.agent, StopAttempt{attempt, StopReason::kPreempted});  // it may have missed it
    }
  }
}

void on(Turn& turn, const AgentSilent& input) {
  const auto found = turn.state.agents.find(input.agent);
  if (found == turn.state.agents.end() || found->second.status == AgentStatus::kLost) {
    return;
  }
  turn.record(AgentLost{input.agent, input.reason});
  turn.publish("agent.lost", Json{{"agent", input.agent.value}, {"reason", input.reason}});
  for (const AttemptId& attempt : current_attempts(turn.state, input.agent)) {
    end_with_failure(turn, attempt,
                     {.outcome = Outcome::kInfrastructureFailure,
                      .exit_code = -1,
                      .code = "agent_lost",
                      .message = "agent " + input.agent.value + " was lost: " + input.reason});
  }
}

}  // namespace luthier::core::internal
