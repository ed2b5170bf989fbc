#include "agents/core/internal.h"

namespace luthier::agents::internal {

void close_without_process(Attempt& attempt, Outcome outcome, std::string code, std::string message) {
  attempt.phase = Phase::kClosing;
  attempt.tree_gone = true;
  attempt.telemetry_flushed = true;
  attempt.end = FinishedReport{.attempt = attempt.assignment.attempt,
                               .outcome = outcome,
                               .exit_code = -1,
                               .error_code = std::move(code),
                               .error_message = std::move(message)};
}

void start_timeout(Turn& turn, Attempt& attempt, milliseconds elapsed) {
  if (attempt.assignment.timeout.count() > 0) {
    attempt.deadline_monotonic_ms = turn.now_ms + (attempt.assignment.timeout - elapsed).count();
    turn.emit(WakeAt{attempt.deadline_monotonic_ms});
  }
}

void begin_stop(Turn& turn, Attempt& attempt, StopReason reason) {
  const bool stopping = attempt.kill_monotonic_ms != 0;
  if (!attempt.stop) {
    attempt.stop = reason;
  }
  switch (attempt.phase) {
    case Phase::kPreparing:
      close_without_process(attempt, Outcome::kStopped, "stopped",
                            "the step was stopped before its process was started");
      break;
    case Phase::kStarting: break;  // ShimStarted will see `stop`
    case Phase::kRunning:
      if (!stopping) {
        turn.emit(StopProcess{attempt.assignment.attempt, *attempt.stop, false});
        attempt.kill_monotonic_ms = turn.now_ms + turn.state.options.stop_grace.count();
        turn.emit(WakeAt{attempt.kill_monotonic_ms});
      }
      break;
    case Phase::kUploading:  // nobody wants its outputs any more
      attempt.phase = Phase::kClosing;
      attempt.end = FinishedReport{.attempt = attempt.assignment.attempt,
                                   .outcome = Outcome::kStopped,
                                   .error_code = "stopped",
                                   .error_message = "the step was stopped while its outputs were uploaded",
                                   .usage = attempt.usage};
      break;
    case Phase::kClosing: break;
  }
}

void on_exited(Turn& turn, Attempt& attempt, const ExitRecord& exit) {
  if (attempt.phase != Phase::kStarting && attempt.phase != Phase::kRunning) {
    return;
  }
  attempt.deadline_monotonic_ms = 0;
  attempt.kill_monotonic_ms = 0;
  attempt.usage = exit.usage;
  const AttemptId& id = attempt.assignment.attempt;
  const Classified end = classify_exit(attempt.assignment, exit, attempt.stop);
  if (attempt.refused) {
    attempt.telemetry_flushed = true;
  } else {
    turn.emit(FlushTelemetry{id});
  }
  attempt.end = FinishedReport{.attempt = id,
                               .outcome = end.outcome,
                               .exit_code = exit.exit_code,
                               .signal = exit.signal,
                               .error_code = end.error_code,
                               .error_message = end.error_message,
                               .usage = exit.usage};
  if (end.outcome == Outcome::kSucceeded && !attempt.refused) {
    attempt.phase = Phase::kUploading;
    turn.emit(UploadOutputs{id, exit.outputs});
  } else {
    attempt.phase = Phase::kClosing;
  }
}

void check_timers(Turn& turn, Attempt& attempt) {
  if (attempt.deadline_monotonic_ms != 0 && turn.now_ms >= attempt.deadline_monotonic_ms) {
    attempt.deadline_monotonic_ms = 0;
    begin_stop(turn, attempt, StopReason::kTimedOut);
  }
  if (attempt.kill_monotonic_ms != 0 && turn.now_ms >= attempt.kill_monotonic_ms) {
    // Once is enough for a live shim; if the machine is too busy to obey, once more after the next grace.
    attempt.kill_monotonic_ms = turn.now_ms + turn.state.options.stop_grace.count();
    turn.emit(StopProcess{attempt.assignment.attempt, *attempt.stop, true});
    turn.emit(WakeAt{attempt.kill_monotonic_ms});
  }
}

}  // namespace luthier::agents::internal
