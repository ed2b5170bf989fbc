// State of one agent: the attempts it holds. Plain values; changed by step() only.
//
//   (1) assigned    (2) inputs ready   (3) process exists   (5) exited              (7) outputs uploaded
//  ───────────► Preparing ──────► Starting ──────► Running ──────► Exited(success) ─────► Closing ──► removed
//                  │(4) inputs failed,  │(4) shim failed              │(6) exited otherwise    ▲   (8)
//                  │    stopped         └──────────────────────────────────────────────────────┤
//                  └───────────────────────────────────────────────────────────────────────────┘
//
//  1  AssignmentReceived (or RecoveredAttempt that never started): FetchInputs.
//  2  InputsReady: StartShim.
//  3  ShimStarted: report Started; the timeout starts to run.
//  4  No process ever ran: the end is known at once, and nothing is left to release.
//  5  ProcessExited with a result and status 0: UploadOutputs (phase Uploading).
//  6  ProcessExited in any other way: the outcome is known.
//  7  OutputsUploaded, or OutputsUploadFailed: the outcome is known.
//  8  Closing ends, with RemoveAttempt, when Finished and Released are both acknowledged.
//
// In Closing, Finished is sent once every checkpoint that was seen is acknowledged (so that none is lost behind its
// own attempt's end) and the telemetry is flushed (so that no log byte is missing). Released is sent as soon as the
// process tree is gone, in any phase.
//
// A refused attempt (the controller said StopAttempt for superseded or unknown) uploads and offers nothing any more;
// it is stopped, released and removed.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "agents/core/effect.h"
#include "agents/core/input.h"

namespace luthier::agents {

enum class Phase { kPreparing, kStarting, kRunning, kUploading, kClosing };

struct PendingCheckpoint {
  std::string path;
  Json metrics = Json::object();
};

struct Attempt {
  Assignment assignment;
  Phase phase = Phase::kPreparing;
  std::int64_t pid = 0;
  bool ready = false;
  std::int64_t silent_ms = 0;                           // last told; 0: it speaks
  std::optional<StopReason> stop;                       // why it is being stopped, if it is
  bool refused = false;                                 // nothing of it will be taken any more
  std::int64_t deadline_monotonic_ms = 0;               // of the timeout; 0: none
  std::int64_t kill_monotonic_ms = 0;                   // when TERM becomes KILL; 0: not stopping, or done
  std::map<std::int64_t, PendingCheckpoint> uploading;  // by step; the first one's upload goes on
  std::int64_t newest_checkpoint = 0;                   // seen
  std::optional<FinishedReport> end;                    // known end, held back until it may be sent
  Usage usage;                                          // once the process has exited
  bool tree_gone = false;
  bool telemetry_flushed = false;
  bool finished_done = false;  // Finished acknowledged, or refused
  bool released_done = false;
  // Reports that wait for their acknowledgement, in the order they must be repeated in.
  std::optional<StartedReport> started_report;
  std::map<std::int64_t, CheckpointReport> checkpoint_reports;
  std::optional<FinishedReport> finished_report;
  std::optional<ReleasedReport> released_report;
};

struct Options {
  milliseconds stop_grace{10'000};       // between TERM and KILL
  milliseconds hang_timeout{0};          // a process silent for so long is stopped; 0: never
  milliseconds repeat_interval{15'000};  // of reports not acknowledged on a connection that seems alive
  std::size_t forgotten_max = 4'096;     // removed attempts remembered, so that a late command cannot start one again
};

struct State {
  Options options;
  bool connected = false;
  Lease lease;
  std::int64_t repeat_monotonic_ms = 0;  // next repetition; 0: none due
  std::map<AttemptId, Attempt> attempts;
  std::set<AttemptId> forgotten;
  std::deque<AttemptId> forgotten_order;
};

}  // namespace luthier::agents
