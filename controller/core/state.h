// State: everything the controller decides from, as plain values. Changed by apply() only, so that replaying the
// journal gives it back exactly. std::map throughout, so that every walk over it is in a fixed order.
//
// RAM holds live runs only. What a finished run leaves behind here is what it registered, and allocations whose
// processes are not known to be dead yet.
//
// A step (of a pipeline, or of a deployment, which has one step "serve"):
//
//            (1)        (4)          (5)           (7)
//   Waiting ─────► Ready ──► Assigned ──► Running ─────► Succeeded
//      │ │           ▲ │(8)      │(6)         │(6)
//      │ │           └─┼─────────┴────────────┤
//      │ │(2)          │                      │(8)
//      │ └─► Skipped   └──────────► Failed ◄──┘
//      │(3)  any but the terminal four ──(9)──► Cancelled
//      └───► Failed
//
//   1  StepReady: needs are over, the condition holds, inputs are known.
//   2  StepSkipped: the condition does not hold, or a need did not succeed.
//   3  StepFailed: an expression or a model name cannot be resolved.
//   4  AttemptAssigned: an agent has room; the attempt's number is one more than the last.
//   5  AttemptStarted: the agent reports the process.
//   6  AttemptEnded + StepRetrying: within the failure's budget; Ready again, not before a time.
//   7  AttemptEnded(succeeded) + StepSucceeded; steps of the controller, and those whose
//      outputs are there already (StepSucceeded with cached_from), go from Ready to Succeeded directly.
//   8  AttemptEnded + StepFailed: the budget is spent; or, of a controller's step, StepFailed alone.
//   9  CancelRequested, then StepCancelled for each.
//  10  Succeeded ──► Ready, StepRepeated: an evaluation whose baseline has moved before its verdict was used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "controller/core/event.h"
#include "controller/core/step_index.h"

namespace luthier::core {

// Constants of policy. Not journaled and not hashed: they steer step(), never apply().
struct Options {
  int crash_limit = 3;                          // a step that so many different agents lost an attempt of is stopped
  milliseconds serving_idle{600'000};           // a deployment not used for so long is stopped...
  milliseconds serving_use_resolution{60'000};  // ...seen at this resolution: uses are journaled no oftener
  int serving_retries = 5;
  milliseconds waiting_notice{10'000};  // a step that waits so long for resources is published about
  int evaluation_repeats_max = 3;       // of one step, each because the alias moved meanwhile
  friend bool operator==(const Options&, const Options&) = default;
};

enum class AgentStatus {
  kConnected,
  kUnconfirmed,  // known from before this controller's start; not lost until the shell says AgentSilent
  kLost,
};
struct Agent {
  std::string name;
  std::string boot_id;
  AgentResources resources;
  AgentStatus status = AgentStatus::kConnected;
  std::string lost_reason;
  Labels labels;
  std::string version;
  // What people, or the agent itself, want of it; kept over its restarts.
  bool cordoned = false;  // no work
  bool draining = false;  // no work, and what it runs should end
  bool drained = false;   // draining, and nothing is left
  bool drains_itself = false;
  std::int64_t drain_deadline_wall_ms = 0;  // 0: none
  friend bool operator==(const Agent&, const Agent&) = default;
};

// A process of a gang, of rank 1 or more.
struct GangMember {
  AgentId agent;
  bool started = false;
  bool done = false;  // it ended well
  friend bool operator==(const GangMember&, const GangMember&) = default;
};

// The newest attempt of a step; older ones can commit nothing any more. The members without a rank are those of rank 0,
// unless it says otherwise.
struct Attempt {
  AgentId agent;
  bool started = false;  // its process was reported
  bool ready = false;    // a serving process accepts requests
  bool ended = false;
  std::string resume_artifact;
  std::int64_t resume_step = 0;
  bool preempted = false;                 // it was asked to make room
  std::int64_t silent_since_wall_ms = 0;  // its process (of any rank) says nothing; 0: it speaks
  bool done = false;                      // rank 0 of a gang ended well; others have not yet
  std::vector<GangMember> gang;           // ranks 1 and up; empty: one node
  std::string rendezvous;                 // "HOST:PORT" of a gang
  Json outputs;                           // of rank 0, once it is done
  Json usage;                             // of all ranks that are done
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

struct LiveStep {
  StepStatus status = StepStatus::kWaiting;
  Json with;                        // once ready
  Json cache;                       // once ready: StepReady::cache
  Json outputs = Json::object();    // once succeeded
  std::string reason;               // why it was skipped, or failed, or is tried again
  std::int32_t attempt_number = 0;  // of the newest attempt; 0: none yet
  std::int32_t attempts_lost = 0;   // numbers behind it that the journal may have lost: skipped by the next attempt
  Attempt attempt;
  std::vector<Checkpoint> checkpoints;  // committed by any attempt, or taken over (StepReady); ascending by step
  int infrastructure_failures = 0;
  int user_failures = 0;
  int preemptions = 0;
  std::vector<AgentId> crashed_on;       // different agents on which an attempt, or the agent with it, died
  std::int64_t not_before_wall_ms = 0;   // of the next attempt
  std::int64_t waits_since_wall_ms = 0;  // for an agent, while ready
  bool waiting_told = false;             // StepWaiting says why it waits now
  int repeats = 0;                       // after it had succeeded (edge 10)
  friend bool operator==(const LiveStep&, const LiveStep&) = default;
};

struct LiveRun {
  std::uint64_t order = 0;  // of submission
  plan::Plan plan;
  std::uint64_t plan_hash = 0;  // of `plan`, which never changes; so that hash() need not walk it
  std::string submitted_by;
  bool started = false;
  bool cancel_requested = false;
  std::map<StepId, LiveStep> steps;
  RunIndex index;  // derived
  friend bool operator==(const LiveRun&, const LiveRun&) = default;
};

struct Deployment {
  std::string model;  // the name it was last asked by
  ModelWeights weights;
  std::int64_t used_wall_ms = 0;
  LiveStep serve;
  friend bool operator==(const Deployment&, const Deployment&) = default;
};

struct ModelVersion {
  ModelWeights weights;
  Json lineage = Json::object();
  Json metrics = Json::object();
  std::string description;
  friend bool operator==(const ModelVersion&, const ModelVersion&) = default;
};
struct Model {
  std::map<int, ModelVersion> versions;
  std::map<std::string, int> aliases;
  int newest = 0;  // highest number ever given
  // By alias: the versions it has pointed at, oldest first, the present one last. A rollback takes back what came
  // after.
  std::map<std::string, std::vector<int>> trails;
  friend bool operator==(const Model&, const Model&) = default;
};

// Outputs that a step may be given instead of running.
struct CachedOutputs {
  RunId run;  // that made them
  StepId step;
  std::string pipeline;
  Json components;  // what they depend on; its text is the entry's key
  Json outputs = Json::object();
  std::uint64_t used = 0;  // greater than that of all entries used before it
  friend bool operator==(const CachedOutputs&, const CachedOutputs&) = default;
};
// The entry that was not used for longest leaves first.
inline constexpr std::size_t kCacheEntriesMax = 4'096;

struct State {
  Options options;
  std::uint64_t epoch = 0;
  std::uint64_t seed = 0;  // of jitter, which is a function of it and of the attempt
  std::uint64_t next_run = 1;
  std::uint64_t next_deployment = 1;
  std::map<AgentId, Agent> agents;
  std::map<RunId, LiveRun> runs;
  std::map<RunId, Deployment> deployments;
  std::map<AttemptId, Allocation> allocations;  // promised and not known to be free again
  std::map<std::string, Model> models;
  std::string storage_low;                     // why no run is accepted and no step assigned; empty: there is room
  std::map<std::string, CachedOutputs> cache;  // by the text of its components
  std::uint64_t cache_uses = 0;
  ReadyQueue queue;  // derived
  friend bool operator==(const State&, const State&) = default;
};

[[nodiscard]] std::uint64_t hash(const Json& value);
// What the next attempt of the step is numbered.
[[nodiscard]] std::int32_t next_attempt_number(const LiveStep& step);
// The step, of a run or of a deployment; nullptr when it is not live.
[[nodiscard]] const LiveStep* find_step(const State& state, const RunId& run, const StepId& step);
[[nodiscard]] bool is_terminal(StepStatus status);
// Codes of infrastructure failures of which the step itself may be the cause: these count towards the crash limit.
[[nodiscard]] bool is_crash(const std::string& code);
// How many processes it has: 1, or the size of the gang.
[[nodiscard]] std::int32_t world_size(const Attempt& attempt);
// The agent that has this rank of it; LUTHIER_CHECKs that there is such a rank.
[[nodiscard]] const AgentId& agent_of(const Attempt& attempt, std::int32_t rank);
[[nodiscard]] bool rank_started(const Attempt& attempt, std::int32_t rank);
[[nodiscard]] bool rank_done(const Attempt& attempt, std::int32_t rank);
// What two processes used: seconds are summed, of peaks the greater counts.
[[nodiscard]] Json add_usage(const Json& one, const Json& other);
// "d-3" rather than "r-3".
[[nodiscard]] bool is_deployment(const RunId& run);
// The step of every deployment.
[[nodiscard]] StepId serve_step();

}  // namespace luthier::core
