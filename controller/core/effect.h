// Effects: what the shell must do, as data. Order matters: the shell commits every Journal and Publish effect of a
// batch in one transaction, and only then performs the others.
#pragma once

#include "controller/core/input.h"

namespace luthier::core {

struct Journal {
  Event event;
  friend bool operator==(const Journal&, const Journal&) = default;
};

// Commands to agents. Idempotent: an agent that already did it acknowledges again.
struct StartAttempt {
  AttemptId attempt;
  std::string uses;
  Json with;
  Allocation allocation;
  milliseconds timeout{0};
  std::string resume_artifact;
  std::int64_t resume_step = 0;
  bool exclusive = false;
  std::int32_t world_size = 1;  // of the gang; the rank is in `attempt`
  std::string rendezvous;       // "HOST:PORT" where the ranks of a gang meet
  friend bool operator==(const StartAttempt&, const StartAttempt&) = default;
};
enum class StopReason { kCancelled, kSuperseded, kTimedOut, kUnknownAttempt, kIdle, kPreempted };
struct StopAttempt {
  AttemptId attempt;
  StopReason reason = StopReason::kCancelled;
  friend bool operator==(const StopAttempt&, const StopAttempt&) = default;
};
enum class AcknowledgedReport { kStarted, kCheckpoint, kFinished, kReleased };
struct Acknowledge {
  AttemptId attempt;
  AcknowledgedReport report = AcknowledgedReport::kStarted;
  std::int64_t step = 0;  // of a checkpoint
  friend bool operator==(const Acknowledge&, const Acknowledge&) = default;
};
using AgentCommand = std::variant<StartAttempt, StopAttempt, Acknowledge>;

struct SendToAgent {
  AgentId agent;
  AgentCommand command;
  friend bool operator==(const SendToAgent&, const SendToAgent&) = default;
};
// What the agent said on connecting is taken into account: from now on commands may go over that connection. Those that
// were decided before (while the Hello waited for a commit, say) must not: the agent is told them anew after this, and
// a StartAttempt from before would start what the Hello has just let go.
struct Welcome {
  AgentId agent;
  std::uint64_t connection = 0;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Reply {
  RequestId request = 0;
  bool ok = true;
  Json value;   // the answer when ok
  Error error;  // when not
  friend bool operator==(const Reply&, const Reply&) = default;
};
// For people and integrations, under the names of DESIGN section 5 ("step.started", "model.promoted"…). Becomes an
// outbox row and a line on /api/v1/events.
struct Publish {
  std::string name;
  Json payload;
  friend bool operator==(const Publish&, const Publish&) = default;
};
// Call step() with a Tick at this time, at the latest. The shell keeps the earliest.
struct WakeAt {
  std::int64_t wall_ms = 0;
  friend bool operator==(const WakeAt&, const WakeAt&) = default;
};

using Effect = std::variant<Journal, SendToAgent, Welcome, Reply, Publish, WakeAt>;

}  // namespace luthier::core
