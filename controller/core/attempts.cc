#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

// The step, when the report is about its current attempt and comes from the agent that has it.
const LiveStep* current(const Turn& turn, const AttemptId& attempt, const AgentId& agent) {
  if (!is_current(turn.state, attempt)) {
    return nullptr;
  }
  const LiveStep* step = find_step(turn.state, attempt.run, attempt.step);
  return agent_of(step->attempt, attempt.rank) == agent ? step : nullptr;
}

// The agent need not say it again, and must stop what it still runs.
void refuse_stale(Turn& turn, const AttemptId& attempt, const AgentId& agent, AcknowledgedReport report,
                  std::int64_t step = 0) {
  turn.send(agent, Acknowledge{attempt, report, step});
  turn.send(agent, StopAttempt{attempt, StopReason::kSuperseded});
}

// A report other than Started proves the start, if that report was lost.
void ensure_started(Turn& turn, const AttemptId& attempt, const LiveStep& step, std::int64_t pid) {
  if (rank_started(step.attempt, attempt.rank)) {
    return;
  }
  const bool first = step.status != StepStatus::kRunning;
  publish_run_started(turn, attempt.run);
  const std::string agent = step.attempt.agent.value;
  turn.record(AttemptStarted{attempt, pid});
  if (first) {
    publish_step(turn, "step.started", attempt.run, attempt.step, Json{{"agent", agent}});
  }
}

// A gang has succeeded when all of its ranks have; until then what this one says is kept.
bool waits_for_ranks(Turn& turn, const AttemptFinishedReport& input, const LiveStep& step) {
  turn.record(RankFinished{input.attempt, input.attempt.rank == 0 ? input.outputs : Json::object(), input.usage});
  return !step.attempt.done || !std::all_of(step.attempt.gang.begin(), step.attempt.gang.end(),
                                            [](const GangMember& member) { return member.done; });
}

void succeed_attempt(Turn& turn, AttemptId attempt, const LiveStep& step, const Json& outputs, const Json& usage) {
  attempt.rank = 0;
  const plan::Step* planned = find_plan_step(turn.state, attempt.run, attempt.step);
  Json all = outputs.is_object() ? outputs : Json::object();
  if (planned != nullptr && planned->uses == "train") {
    all = training_outputs(std::move(all), step);
  }
  turn.record(AttemptEnded{.attempt = attempt, .outcome = Outcome::kSucceeded, .usage = usage});
  succeed_step(turn, attempt.run, attempt.step, std::move(all));
}

}  // namespace

void on(Turn& turn, const AttemptStartedReport& input) {
  const LiveStep* step = current(turn, input.attempt, input.agent);
  if (step == nullptr) {
    return refuse_stale(turn, input.attempt, input.agent, AcknowledgedReport::kStarted);
  }
  ensure_started(turn, input.attempt, *step, input.pid);
  turn.send(input.agent, Acknowledge{input.attempt, AcknowledgedReport::kStarted, 0});
}

void on(Turn& turn, const AttemptReadyReport& input) {
  const LiveStep* step = current(turn, input.attempt, input.agent);
  if (step == nullptr) {
    turn.send(input.agent, StopAttempt{input.attempt, StopReason::kSuperseded});
  } else if (!step->attempt.ready) {
    ensure_started(turn, input.attempt, *step, 0);
    turn.record(AttemptReady{input.attempt});
  }
}

void on(Turn& turn, const AttemptSilentReport& input) {
  const LiveStep* step = current(turn, input.attempt, input.agent);
  const bool silent = input.silent_ms > 0;
  if (step != nullptr && silent != (step->attempt.silent_since_wall_ms != 0)) {
    turn.record(AttemptSilent{input.attempt, std::max<std::int64_t>(0, input.silent_ms)});
  }
}

void on(Turn& turn, const CheckpointOfferedReport& input) {
  const Checkpoint& offered = input.checkpoint;
  const LiveStep* step = current(turn, input.attempt, input.agent);
  if (step == nullptr) {
    return refuse_stale(turn, input.attempt, input.agent, AcknowledgedReport::kCheckpoint, offered.step);
  }
  const bool newer = step->checkpoints.empty() || offered.step > step->checkpoints.back().step;
  if (newer && input.attempt.rank == 0) {  // rank 0's are the gang's
    ensure_started(turn, input.attempt, *step, 0);
    turn.record(CheckpointCommitted{input.attempt, offered});
    publish_step(turn, "checkpoint.created", input.attempt.run, input.attempt.step,
                 Json{{"training_step", offered.step}, {"artifact", offered.artifact}, {"metrics", offered.metrics}});
  }
  turn.send(input.agent, Acknowledge{input.attempt, AcknowledgedReport::kCheckpoint, offered.step});
}

void on(Turn& turn, const AttemptFinishedReport& input) {
  const LiveStep* step = current(turn, input.attempt, input.agent);
  turn.send(input.agent, Acknowledge{input.attempt, AcknowledgedReport::kFinished, 0});
  if (step == nullptr) {
    return;
  }
  if (input.outcome == Outcome::kSucceeded && !is_deployment(input.attempt.run)) {
    ensure_started(turn, input.attempt, *step, 0);
    if (step->attempt.gang.empty()) {
      return succeed_attempt(turn, input.attempt, *step, input.outputs, input.usage);
    }
    if (!waits_for_ranks(turn, input, *step)) {
      succeed_attempt(turn, input.attempt, *step, Json(step->attempt.outputs), Json(step->attempt.usage));
    }
    return;
  }
  Failure failure{input.outcome, input.exit_code, input.signal, input.error_code, input.error_message, input.usage};
  if (!step->attempt.gang.empty()) {
    failure.message =
        "rank " + std::to_string(input.attempt.rank) + " on " + input.agent.value + ": " + failure.message;
    failure.usage = add_usage(step->attempt.usage, input.usage);
  }
  if (input.outcome == Outcome::kStopped && step->attempt.preempted) {
    failure.outcome = Outcome::kPreempted;
    failure.code = "preempted";
    failure.message = "it was moved off " + input.agent.value + ", which is being drained";
  } else if (input.outcome == Outcome::kStopped || input.outcome == Outcome::kSucceeded) {
    failure.outcome = Outcome::kInfrastructureFailure;  // nobody here asked for it
    failure.code = "ended_unasked";
    failure.message = "the process ended although nobody asked it to";
  }
  end_with_failure(turn, input.attempt, failure);
}

void on(Turn& turn, const AllocationReleasedReport& input) {
  const auto found = turn.state.allocations.find(input.attempt);
  if (found != turn.state.allocations.end() && found->second.agent == input.agent) {
    turn.record(AllocationReleased{input.attempt, input.usage});
  }
  turn.send(input.agent, Acknowledge{input.attempt, AcknowledgedReport::kReleased, 0});
}

void end_with_failure(Turn& turn, const AttemptId& attempt, const Failure& failure) {
  turn.record(AttemptEnded{.attempt = attempt,
                           .outcome = failure.outcome,
                           .exit_code = failure.exit_code,
                           .signal = failure.signal,
                           .error_code = failure.code,
                           .error_message = failure.message,
                           .usage = failure.usage});
  const LiveStep& step = *find_step(turn.state, attempt.run, attempt.step);
  stop_ranks(turn, attempt, step.attempt, StopReason::kSuperseded, attempt.rank);
  const Verdict verdict =
      judge_failure(turn.state, attempt, step, retry_of(turn.state, attempt.run, attempt.step), failure, turn.now);
  if (!verdict.retry) {
    return fail_step(turn, attempt.run, attempt.step, verdict.code, verdict.message);
  }
  turn.record(StepRetrying{attempt.run, attempt.step, failure.outcome, verdict.not_before_wall_ms});
  publish_step(turn, "step.retried", attempt.run, attempt.step,
               Json{{"because", to_string(failure.outcome)},
                    {"code", failure.code},
                    {"message", failure.message},
                    {"not_before_ms", verdict.not_before_wall_ms}});
}

void stop_attempt(Turn& turn, const RunId& run, const StepId& step, StopReason reason) {
  const LiveStep& live = *find_step(turn.state, run, step);
  const AttemptId attempt{run, step, live.attempt_number};
  if (live.attempt_number == 0 || live.attempt.ended || is_terminal(live.status)) {
    return;
  }
  const bool idle = reason == StopReason::kIdle;
  turn.record(AttemptEnded{.attempt = attempt,
                           .outcome = Outcome::kStopped,
                           .error_code = idle ? "idle" : "cancelled",
                           .error_message = idle ? "nobody used it" : "the run was cancelled"});
  stop_ranks(turn, attempt, live.attempt, reason);
}

}  // namespace luthier::core::internal
