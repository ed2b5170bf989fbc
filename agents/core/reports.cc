#include "agents/core/internal.h"

namespace luthier::agents::internal {

void Turn::send(Report report) {
  if (!state.connected) {
    return;  // repeated after Connected
  }
  emit(SendReport{std::move(report)});
  if (state.repeat_monotonic_ms == 0) {
    state.repeat_monotonic_ms = now_ms + state.options.repeat_interval.count();
    emit(WakeAt{state.repeat_monotonic_ms});
  }
}

bool has_unacknowledged(const Attempt& attempt) {
  return attempt.started_report || !attempt.checkpoint_reports.empty() || attempt.finished_report ||
         attempt.released_report;
}

void send_all(Turn& turn, const Attempt& attempt) {
  if (attempt.started_report) {
    turn.send(*attempt.started_report);
  }
  if (attempt.ready && attempt.phase == Phase::kRunning) {
    turn.send(ReadyReport{attempt.assignment.attempt});
  }
  if (attempt.silent_ms != 0 && attempt.phase == Phase::kRunning && !attempt.refused) {
    turn.send(SilentReport{attempt.assignment.attempt, attempt.silent_ms});
  }
  for (const auto& [step, report] : attempt.checkpoint_reports) {
    turn.send(report);
  }
  if (attempt.finished_report) {
    turn.send(*attempt.finished_report);
  }
  if (attempt.released_report) {
    turn.send(*attempt.released_report);
  }
}

void on_acknowledged(Attempt& attempt, const Acknowledged& input) {
  switch (input.report) {
    case ReportKind::kStarted: attempt.started_report.reset(); break;
    case ReportKind::kReady: break;
    case ReportKind::kCheckpoint: attempt.checkpoint_reports.erase(input.step); break;
    case ReportKind::kFinished:
      if (attempt.finished_report) {
        attempt.finished_report.reset();
        attempt.finished_done = true;
      }
      break;
    case ReportKind::kReleased:
      if (attempt.released_report) {
        attempt.released_report.reset();
        attempt.released_done = true;
      }
      break;
  }
}

void upload_next_checkpoint(Turn& turn, const Attempt& attempt) {
  if (!attempt.uploading.empty()) {
    const auto& [step, pending] = *attempt.uploading.begin();
    turn.emit(UploadCheckpoint{attempt.assignment.attempt, step, pending.path});
  }
}

void add_checkpoint(Turn& turn, Attempt& attempt, const CheckpointSeen& input) {
  const bool closed = attempt.refused || attempt.finished_report || attempt.finished_done;
  if (closed || input.step <= attempt.newest_checkpoint) {
    return;
  }
  attempt.newest_checkpoint = input.step;
  attempt.uploading.emplace(input.step, PendingCheckpoint{input.path, input.metrics});
  if (attempt.uploading.size() == 1) {
    upload_next_checkpoint(turn, attempt);
  }
}

void refuse(Attempt& attempt) {
  attempt.refused = true;
  attempt.telemetry_flushed = true;
  attempt.uploading.clear();
  attempt.checkpoint_reports.clear();
  attempt.started_report.reset();
  if (attempt.finished_report) {
    attempt.finished_report.reset();
    attempt.finished_done = true;
  }
}

void forget(State& state, const AttemptId& id) {
  if (state.forgotten.insert(id).second) {
    state.forgotten_order.push_back(id);
  }
  if (state.forgotten_order.size() > state.options.forgotten_max) {
    state.forgotten.erase(state.forgotten_order.front());
    state.forgotten_order.pop_front();
  }
}

void advance(Turn& turn, Attempt& attempt) {
  const AttemptId id = attempt.assignment.attempt;
  const bool may_finish = attempt.uploading.empty() && attempt.checkpoint_reports.empty() && attempt.telemetry_flushed;
  if (attempt.phase == Phase::kClosing && !attempt.finished_report && !attempt.finished_done) {
    if (attempt.refused) {
      attempt.finished_done = true;
    } else if (may_finish) {
      attempt.finished_report = attempt.end;
      turn.send(*attempt.finished_report);
    }
  }
  if (attempt.tree_gone && !attempt.released_report && !attempt.released_done) {
    attempt.released_report = ReleasedReport{id, attempt.usage};
    turn.send(*attempt.released_report);
  }
  if (attempt.phase == Phase::kClosing && attempt.finished_done && attempt.released_done) {
    turn.state.attempts.erase(id);
    forget(turn.state, id);
    turn.emit(RemoveAttempt{id});
  }
}

}  // namespace luthier::agents::internal
