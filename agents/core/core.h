// The agent's decisions: a pure machine, twin of controller/core for one machine. No I/O, no threads, no clock, no
// locks, no logging. One owner (the agent's strand) holds the State.
//
// Use: feed each RecoveredAttempt once at start, then inputs as they come; perform the effects in order (effect.h says
// how, and what to feed back). There is no journal: what must survive an agent restart lies in the attempts' folders
// (the assignment, the shim's spool and exit record) and comes back as RecoveredAttempt.
#pragma once

#include <string>
#include <vector>

#include "agents/core/effect.h"
#include "agents/core/input.h"
#include "agents/core/state.h"

namespace luthier::agents {

// Decides, and changes `state`. Only `now.monotonic_ms` is used.
[[nodiscard]] std::vector<Effect> step(State& state, const Input& input, Now now);

// For the Hello of a new stream: everything this agent still has.
enum class HeldState { kPreparing, kRunning, kFinished };
struct HeldAttempt {
  AttemptId attempt;
  HeldState state = HeldState::kPreparing;
  friend bool operator==(const HeldAttempt&, const HeldAttempt&) = default;
};
[[nodiscard]] std::vector<HeldAttempt> held_attempts(const State& state);

// How a process's end counts (docs/worker-protocol.md): `run` goes by exit status alone; the others by their last
// line. `stop` is set when this agent was stopping the process.
struct Classified {
  Outcome outcome = Outcome::kSucceeded;
  std::string error_code;
  std::string error_message;
};
[[nodiscard]] Classified classify_exit(const Assignment& assignment, const ExitRecord& exit,
                                       std::optional<StopReason> stop);

}  // namespace luthier::agents
