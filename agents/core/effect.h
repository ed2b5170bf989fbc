// Effects: what the agent's shell must do, as data, and what it must feed back.
//
//   effect            the shell must                                                   and feed back
//   FetchInputs       durably write the assignment (attempt.json) into the attempt's   InputsReady, InputsFailed
//                     folder, fetch every {"$artifact"} in `with` and the resume
//                     artifact, write job.json
//   StartShim         start luthier-shim for the folder; from then on follow its        ShimStarted, ShimFailed; later
//                     spool                                                             ProcessReady, CheckpointSeen,
//                                                                                       ProcessExited, ProcessTreeGone
//   RenewLease        tell the shim how long it may go on without a further word        nothing
//   StopProcess       durably note the reason in the folder (RecoveredAttempt gives     (ProcessExited, ProcessTreeGone
//                     it back), ask the shim to stop the process: TERM, or KILL of      come as usual)
//                     the whole tree when `force`; nothing when it is already dead
//   UploadCheckpoint  upload the folder as an artifact, and its weights as another;     CheckpointUploaded,
//                     one at a time for each attempt, oldest first                      CheckpointUploadFailed
//   UploadOutputs     upload every {"$path"} in the outputs as an artifact              OutputsUploaded,
//                                                                                       OutputsUploadFailed
//   FlushTelemetry    send what is left of the log and metrics (the process is dead)    TelemetryFlushed
//   SendReport        send the report if the stream is open, else drop it: the          Acknowledged, when it comes
//                     machine repeats it after Connected
//   RemoveAttempt     cancel what still goes on for the attempt, delete its folder      nothing
//   WakeAt            feed a Tick at this monotonic time, at the latest                 Tick
//
// Uploads and fetches retry by themselves while the connection is down; a ...Failed input is final. Answers for an
// attempt that was removed meanwhile may still be fed: the machine ignores them. ProcessTreeGone follows every
// ProcessExited (at once when nothing is left), also for a RecoveredAttempt that had exited.
#pragma once

#include "agents/core/input.h"

namespace luthier::agents {

struct FetchInputs {
  Assignment assignment;
  friend bool operator==(const FetchInputs&, const FetchInputs&) = default;
};
struct StartShim {
  Assignment assignment;
  Lease lease;  // of an exclusive attempt
  friend bool operator==(const StartShim&, const StartShim&) = default;
};
struct RenewLease {
  AttemptId attempt;
  Lease lease;
  friend bool operator==(const RenewLease&, const RenewLease&) = default;
};
struct StopProcess {
  AttemptId attempt;
  StopReason reason = StopReason::kCancelled;
  bool force = false;
  friend bool operator==(const StopProcess&, const StopProcess&) = default;
};
struct UploadCheckpoint {
  AttemptId attempt;
  std::int64_t step = 0;
  std::string path;
  friend bool operator==(const UploadCheckpoint&, const UploadCheckpoint&) = default;
};
struct UploadOutputs {
  AttemptId attempt;
  Json outputs;
  friend bool operator==(const UploadOutputs&, const UploadOutputs&) = default;
};
struct FlushTelemetry {
  AttemptId attempt;
  friend bool operator==(const FlushTelemetry&, const FlushTelemetry&) = default;
};

enum class Outcome { kSucceeded, kUserFailure, kInfrastructureFailure, kStopped, kTimedOut };

// Reports, as agent.proto has them. All but Ready and Silent are repeated until acknowledged; those two are repeated
// after a reconnect while they hold.
struct StartedReport {
  AttemptId attempt;
  std::int64_t pid = 0;
  friend bool operator==(const StartedReport&, const StartedReport&) = default;
};
struct ReadyReport {
  AttemptId attempt;
  friend bool operator==(const ReadyReport&, const ReadyReport&) = default;
};
struct SilentReport {
  AttemptId attempt;
  std::int64_t silent_ms = 0;  // 0: it speaks again
  friend bool operator==(const SilentReport&, const SilentReport&) = default;
};
struct CheckpointReport {
  AttemptId attempt;
  std::int64_t step = 0;
  std::string artifact;
  std::string model;
  std::string model_kind;
  Json metrics = Json::object();
  friend bool operator==(const CheckpointReport&, const CheckpointReport&) = default;
};
struct FinishedReport {
  AttemptId attempt;
  Outcome outcome = Outcome::kSucceeded;
  Json outputs = Json::object();
  int exit_code = 0;  // -1 when it was killed or never ran
  int signal = 0;
  std::string error_code;
  std::string error_message;
  Usage usage;
  friend bool operator==(const FinishedReport&, const FinishedReport&) = default;
};
struct ReleasedReport {
  AttemptId attempt;
  Usage usage = {};  // as Finished has it, which a superseded or cancelled attempt does not send
  friend bool operator==(const ReleasedReport&, const ReleasedReport&) = default;
};
using Report = std::variant<StartedReport, ReadyReport, SilentReport, CheckpointReport, FinishedReport, ReleasedReport>;

struct SendReport {
  Report report;
  friend bool operator==(const SendReport&, const SendReport&) = default;
};
struct RemoveAttempt {
  AttemptId attempt;
  friend bool operator==(const RemoveAttempt&, const RemoveAttempt&) = default;
};
struct WakeAt {
  std::int64_t monotonic_ms = 0;
  friend bool operator==(const WakeAt&, const WakeAt&) = default;
};

using Effect = std::variant<FetchInputs, StartShim, RenewLease, StopProcess, UploadCheckpoint, UploadOutputs,
                            FlushTelemetry, SendReport, RemoveAttempt, WakeAt>;

}  // namespace luthier::agents
