// Inputs: everything that can happen to an agent's attempts. A closed set; each one is a named thing.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace luthier::agents {

using Json = nlohmann::json;

// What the controller asked for (StartAttempt of agent.proto).
struct Assignment {
  AttemptId attempt;
  std::string uses;  // step type, or "serve"
  Json with = Json::object();
  std::vector<int> gpus;  // by number
  double cpus = 0;
  std::uint64_t memory_bytes = 0;
  milliseconds timeout{0};      // of the process; 0: none
  std::string resume_artifact;  // empty: from the start
  std::int64_t resume_step = 0;
  bool exclusive = false;
  std::int32_t world_size = 1;  // how many ranks the attempt has; this one's is in `attempt`
  std::string rendezvous;       // "HOST:PORT" where they meet; empty: there is one rank
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

// The last two are the agent's own: the process said nothing for too long, or only that it lives.
enum class StopReason { kCancelled, kSuperseded, kTimedOut, kUnknownAttempt, kIdle, kPreempted, kHung, kStalled };
enum class ReportKind { kStarted, kReady, kCheckpoint, kFinished, kReleased };
enum class FailureClass { kNone, kUser, kInfrastructure };

// What an attempt used; 0: not known.
struct Usage {
  std::int64_t cpu_ms = 0;
  std::uint64_t peak_memory_bytes = 0;
  std::int64_t gpu_ms = 0;                     // busy, summed over its GPUs
  std::uint64_t peak_gpu_memory_bytes = 0;     // in use on its GPUs together
  std::optional<double> mean_gpu_utilization;  // 0 to 1
  friend bool operator==(const Usage&, const Usage&) = default;
};

// Until when an `exclusive` process may run without a further word of the controller: asked to stop, then killed, both
// before the controller can declare this agent lost. Monotonic.
struct Lease {
  std::int64_t stop_at_ms = 0;
  std::int64_t kill_at_ms = 0;
  friend bool operator==(const Lease&, const Lease&) = default;
};

// How a process ended, from the shim's exit record and the last line it wrote on the socket.
struct ExitRecord {
  bool recorded = true;  // false: the shim died without leaving a record
  int exit_code = 0;     // -1 when killed
  int signal = 0;        // 0 when not killed
  bool has_result = false;
  Json outputs = Json::object();                   // of the `result` line, artifacts still as {"$path", "kind"}
  FailureClass error_class = FailureClass::kNone;  // of the `error` line (not for `run`), or the shim's own trouble
  std::string error_code;
  std::string error_message;
  bool out_of_memory = false;  // it was killed because it had used up what it was promised
  Usage usage;
  friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

// --- from the controller ---
struct AssignmentReceived {
  Assignment assignment;
};
struct StopReceived {
  AttemptId attempt;
  StopReason reason = StopReason::kCancelled;
};
struct Acknowledged {
  AttemptId attempt;
  ReportKind report = ReportKind::kStarted;
  std::int64_t step = 0;  // of a checkpoint
};
// The stream is open and Hello (with held_attempts(), core.h) was sent on it.
struct Connected {};
struct Disconnected {};
// A heartbeat was acknowledged.
struct LeaseRenewed {
  Lease lease;
};

// --- from this machine; each answers an effect (effect.h) ---
struct InputsReady {
  AttemptId attempt;
};
struct InputsFailed {
  AttemptId attempt;
  FailureClass failure = FailureClass::kInfrastructure;
  std::string code;
  std::string message;
};
struct ShimStarted {  // the step's process exists
  AttemptId attempt;
  std::int64_t pid = 0;
};
struct ShimFailed {  // no process was started, and none ever will be
  AttemptId attempt;
  std::string message;
};
struct ProcessReady {  // `ready` line of a serving process
  AttemptId attempt;
};
// The process has said nothing for so long, seen once it is worth telling and again when it has hung; 0: it speaks
// again.
struct ProcessSilent {
  AttemptId attempt;
  std::int64_t silent_ms = 0;
};
// The process lives, but has told of no progress for as long as it may.
struct ProcessStalled {
  AttemptId attempt;
};
struct CheckpointSeen {  // `checkpoint` line
  AttemptId attempt;
  std::int64_t step = 0;
  std::string path;
  Json metrics = Json::object();
};
struct CheckpointUploaded {
  AttemptId attempt;
  std::int64_t step = 0;
  std::string artifact;
  std::string model;       // digest of the weights alone
  std::string model_kind;  // "adapter" or "model"
};
struct CheckpointUploadFailed {  // for good: the shell has retried
  AttemptId attempt;
  std::int64_t step = 0;
  std::string message;
};
struct ProcessExited {
  AttemptId attempt;
  ExitRecord exit;
};
// The process and everything it started are dead: its resources are free.
struct ProcessTreeGone {
  AttemptId attempt;
};
struct OutputsUploaded {
  AttemptId attempt;
  Json outputs;  // every {"$path"} replaced by {"$artifact": digest, "kind"}
};
struct OutputsUploadFailed {  // for good
  AttemptId attempt;
  FailureClass failure = FailureClass::kInfrastructure;
  std::string message;
};
// Every byte of the attempt's log and metrics is in the controller's store, or the controller refused them.
struct TelemetryFlushed {
  AttemptId attempt;
};

// What the agent found in an attempt's folder when it started. Fed once for each, before the first Connected. After
// it the shell also feeds CheckpointSeen for every checkpoint in the spool, oldest first, and goes on as usual.
enum class Recovered {
  kNotStarted,  // no shim was ever started
  kRunning,     // the shim answers
  kExited,      // there is an exit record, or the shim is gone without one (`exit.recorded` false)
};
struct RecoveredAttempt {
  Assignment assignment;
  Recovered found = Recovered::kNotStarted;
  std::int64_t pid = 0;
  milliseconds elapsed{0};             // since the process started
  bool ready = false;                  // it has said `ready`
  std::optional<StopReason> stopping;  // the reason noted by StopProcess
  ExitRecord exit;                     // kExited
};

struct Tick {};

using Input =
    std::variant<AssignmentReceived, StopReceived, Acknowledged, Connected, Disconnected, LeaseRenewed, ProcessSilent,
                 ProcessStalled, InputsReady, InputsFailed, ShimStarted, ShimFailed, ProcessReady, CheckpointSeen,
                 CheckpointUploaded, CheckpointUploadFailed, ProcessExited, ProcessTreeGone, OutputsUploaded,
                 OutputsUploadFailed, TelemetryFlushed, RecoveredAttempt, Tick>;

}  // namespace luthier::agents
