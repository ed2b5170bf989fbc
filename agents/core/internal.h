// Private to agents/core: what its source files share.
#pragma once

#include "agents/core/core.h"

namespace luthier::agents::internal {

// One step() in progress.
struct Turn {
  State& state;
  std::int64_t now_ms;  // monotonic
  std::vector<Effect> effects;

  void emit(Effect effect) { effects.push_back(std::move(effect)); }
  // Sends a report if connected, and sees to its repetition.
  void send(Report report);
};

Attempt* find(State& state, const AttemptId& id);

// --- process.cc: the life of the process ---
// Ends an attempt without a process: nothing to stop, to flush or to release.
void close_without_process(Attempt& attempt, Outcome outcome, std::string code, std::string message);
void begin_stop(Turn& turn, Attempt& attempt, StopReason reason);
void on_exited(Turn& turn, Attempt& attempt, const ExitRecord& exit);
void check_timers(Turn& turn, Attempt& attempt);
void start_timeout(Turn& turn, Attempt& attempt, milliseconds elapsed);

// --- reports.cc: what the controller is told ---
void send_all(Turn& turn, const Attempt& attempt);
void on_acknowledged(Attempt& attempt, const Acknowledged& input);
void add_checkpoint(Turn& turn, Attempt& attempt, const CheckpointSeen& input);
void upload_next_checkpoint(Turn& turn, const Attempt& attempt);
void refuse(Attempt& attempt);
// Sends what has become due, and removes the attempt when it is over. `attempt` may be gone afterwards.
void advance(Turn& turn, Attempt& attempt);
[[nodiscard]] bool has_unacknowledged(const Attempt& attempt);
void forget(State& state, const AttemptId& id);

}  // namespace luthier::agents::internal
