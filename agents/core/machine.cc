#include "agents/core/internal.h"

namespace luthier::agents {
namespace internal {

Attempt* find(State& state, const AttemptId& id) {
  const auto found = state.attempts.find(id);
  return found == state.attempts.end() ? nullptr : &found->second;
}

namespace {

void on(Turn& turn, const AssignmentReceived& input) {
  const AttemptId& id = input.assignment.attempt;
  if (turn.state.forgotten.contains(id)) {
    return;
  }
  if (const Attempt* known = find(turn.state, id)) {
    send_all(turn, *known);
    return;
  }
  turn.state.attempts.emplace(id, Attempt{.assignment = input.assignment});
  turn.emit(FetchInputs{input.assignment});
}

void on(Turn& turn, const StopReceived& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr) {
    // Nothing of it is here, and a StartAttempt that was overtaken by this stop must not bring it to life.
    forget(turn.state, input.attempt);
    turn.send(ReleasedReport{input.attempt});
    return;
  }
  if (input.reason == StopReason::kSuperseded || input.reason == StopReason::kUnknownAttempt) {
    refuse(*attempt);
  }
  begin_stop(turn, *attempt, input.reason);
  advance(turn, *attempt);
}

void on(Turn& turn, const Acknowledged& input) {
  if (Attempt* attempt = find(turn.state, input.attempt)) {
    on_acknowledged(*attempt, input);
    advance(turn, *attempt);
  }
}

void repeat_reports(Turn& turn) {
  turn.state.repeat_monotonic_ms = 0;
  for (const auto& [id, attempt] : turn.state.attempts) {
    send_all(turn, attempt);
  }
}

void on(Turn& turn, const Connected&) {
  turn.state.connected = true;
  repeat_reports(turn);
}

void on(Turn& turn, const Disconnected&) {
  turn.state.connected = false;
  turn.state.repeat_monotonic_ms = 0;
}

void on(Turn& turn, const LeaseRenewed& input) {
  if (input.lease.stop_at_ms <= turn.state.lease.stop_at_ms) {
    return;
  }
  turn.state.lease = input.lease;
  for (const auto& [id, attempt] : turn.state.attempts) {
    if (attempt.assignment.exclusive && (attempt.phase == Phase::kStarting || attempt.phase == Phase::kRunning)) {
      turn.emit(RenewLease{id, input.lease});
    }
  }
}

void on(Turn& turn, const ProcessSilent& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr || attempt->phase != Phase::kRunning) {
    return;
  }
  attempt->silent_ms = input.silent_ms;
  if (!attempt->refused) {
    turn.send(SilentReport{input.attempt, input.silent_ms});
  }
  const milliseconds limit = turn.state.options.hang_timeout;
  if (limit.count() > 0 && input.silent_ms >= limit.count() && !attempt->stop) {
    begin_stop(turn, *attempt, StopReason::kHung);
  }
}

void on(Turn& turn, const ProcessStalled& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kRunning && !attempt->stop) {
    begin_stop(turn, *attempt, StopReason::kStalled);
  }
}

void on(Turn& turn, const InputsReady& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr || attempt->phase != Phase::kPreparing) {
    return;
  }
  const bool exclusive = attempt->assignment.exclusive;
  if (exclusive && turn.now_ms >= turn.state.lease.stop_at_ms) {
    close_without_process(*attempt, Outcome::kInfrastructureFailure, "lease_expired",
                          "the agent was out of touch with the controller when the exclusive step was to start");
    return advance(turn, *attempt);
  }
  attempt->phase = Phase::kStarting;
  turn.emit(StartShim{attempt->assignment, exclusive ? turn.state.lease : Lease{}});
}

void on(Turn& turn, const InputsFailed& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kPreparing) {
    close_without_process(
        *attempt, input.failure == FailureClass::kUser ? Outcome::kUserFailure : Outcome::kInfrastructureFailure,
        input.code, input.message);
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const ShimStarted& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr || attempt->phase != Phase::kStarting) {
    return;
  }
  attempt->phase = Phase::kRunning;
  attempt->pid = input.pid;
  if (!attempt->refused) {
    attempt->started_report = StartedReport{input.attempt, input.pid};
    turn.send(*attempt->started_report);
  }
  if (attempt->stop) {
    begin_stop(turn, *attempt, *attempt->stop);
  } else {
    start_timeout(turn, *attempt, milliseconds{0});
  }
}

void on(Turn& turn, const ShimFailed& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kStarting) {
    close_without_process(*attempt, Outcome::kInfrastructureFailure, "start_failed", input.message);
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const ProcessReady& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kRunning && !attempt->ready) {
    attempt->ready = true;
    turn.send(ReadyReport{input.attempt});
  }
}

void on(Turn& turn, const CheckpointSeen& input) {
  if (Attempt* attempt = find(turn.state, input.attempt)) {
    add_checkpoint(turn, *attempt, input);
  }
}

void on(Turn& turn, const CheckpointUploaded& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr || !attempt->uploading.contains(input.step)) {
    return;
  }
  CheckpointReport report{.attempt = input.attempt,
                          .step = input.step,
                          .artifact = input.artifact,
                          .model = input.model,
                          .model_kind = input.model_kind,
                          .metrics = attempt->uploading.at(input.step).metrics};
  attempt->uploading.erase(input.step);
  turn.send(report);
  attempt->checkpoint_reports.emplace(input.step, std::move(report));
  upload_next_checkpoint(turn, *attempt);
}

void on(Turn& turn, const CheckpointUploadFailed& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt == nullptr || attempt->uploading.erase(input.step) == 0) {
    return;
  }
  upload_next_checkpoint(turn, *attempt);
  advance(turn, *attempt);
}

void on(Turn& turn, const ProcessExited& input) {
  if (Attempt* attempt = find(turn.state, input.attempt)) {
    on_exited(turn, *attempt, input.exit);
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const ProcessTreeGone& input) {
  if (Attempt* attempt = find(turn.state, input.attempt)) {
    attempt->tree_gone = true;
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const OutputsUploaded& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kUploading) {
    attempt->phase = Phase::kClosing;
    attempt->end->outputs = input.outputs;
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const OutputsUploadFailed& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && attempt->phase == Phase::kUploading) {
    attempt->phase = Phase::kClosing;
    attempt->end->outcome =
        input.failure == FailureClass::kUser ? Outcome::kUserFailure : Outcome::kInfrastructureFailure;
    attempt->end->error_code = "upload_failed";
    attempt->end->error_message = input.message;
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const TelemetryFlushed& input) {
  Attempt* attempt = find(turn.state, input.attempt);
  if (attempt != nullptr && (attempt->phase == Phase::kUploading || attempt->phase == Phase::kClosing)) {
    attempt->telemetry_flushed = true;
    advance(turn, *attempt);
  }
}

void on(Turn& turn, const RecoveredAttempt& input) {
  const AttemptId& id = input.assignment.attempt;
  const auto [place, added] = turn.state.attempts.emplace(id, Attempt{.assignment = input.assignment});
  if (!added) {
    return;
  }
  Attempt& attempt = place->second;
  if (input.found == Recovered::kNotStarted) {
    turn.emit(FetchInputs{input.assignment});
    return;
  }
  attempt.phase = Phase::kRunning;
  attempt.pid = input.pid;
  attempt.ready = input.ready;
  attempt.stop = input.stopping;
  attempt.started_report = StartedReport{id, input.pid};
  if (input.found == Recovered::kRunning) {
    start_timeout(turn, attempt, input.elapsed);
    if (attempt.stop) {
      begin_stop(turn, attempt, *attempt.stop);
    }
  } else {
    on_exited(turn, attempt, input.exit);
  }
}

void on(Turn& turn, const Tick&) {
  for (auto& [id, attempt] : turn.state.attempts) {
    check_timers(turn, attempt);
  }
  if (turn.state.repeat_monotonic_ms != 0 && turn.now_ms >= turn.state.repeat_monotonic_ms) {
    turn.state.repeat_monotonic_ms = 0;
    for (const auto& [id, attempt] : turn.state.attempts) {
      if (has_unacknowledged(attempt)) {
        send_all(turn, attempt);
      }
    }
  }
}

}  // namespace
}  // namespace internal

std::vector<Effect> step(State& state, const Input& input, Now now) {
  internal::Turn turn{state, now.monotonic_ms, {}};
  std::visit([&turn](const auto& value) { internal::on(turn, value); }, input);
  return std::move(turn.effects);
}

std::vector<HeldAttempt> held_attempts(const State& state) {
  std::vector<HeldAttempt> held;
  for (const auto& [id, attempt] : state.attempts) {
    HeldState kind = HeldState::kFinished;
    if (attempt.phase == Phase::kPreparing) {
      kind = HeldState::kPreparing;
    } else if (!attempt.tree_gone && (attempt.phase == Phase::kStarting || attempt.phase == Phase::kRunning)) {
      kind = HeldState::kRunning;
    }
    held.push_back({id, kind});
  }
  return held;
}

}  // namespace luthier::agents
