// Events: what happened, as the journal keeps it. State changes only by apply(State&, Event), live and in replay
// alike. Each event has a name that never changes and a JSON body; a field added later must have a default, so that
// older journals still open (event_json.h).
//
// Times are not in the events: every journal record carries the `Now` of the step() that made it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "pipelines/plan/plan.h"

namespace luthier::core {

using Json = nlohmann::json;

struct Gpu {
  int index = 0;
  std::string name;
  std::string uuid;
  std::uint64_t memory_bytes = 0;
  friend bool operator==(const Gpu&, const Gpu&) = default;
};

// What an agent offers.
struct AgentResources {
  double cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<Gpu> gpus;
  std::string cpu_model;
  // Where processes of gangs whose rank 0 runs here may meet: a name or address that other agents reach, and the TCP
  // ports set aside for it. Empty: rank 0 of a gang cannot run here.
  std::string rendezvous_host;
  int rendezvous_port_first = 0;
  int rendezvous_port_last = 0;
  friend bool operator==(const AgentResources&, const AgentResources&) = default;
};

// What people say about an agent with `--label KEY=VALUE`; a step may ask for some.
using Labels = std::map<std::string, std::string>;

// What an attempt was promised on its agent.
struct Allocation {
  AgentId agent;
  double cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<int> gpus;
  std::string rendezvous = {};  // "HOST:PORT" where the ranks of a gang meet, held by its rank 0; empty: none
  friend bool operator==(const Allocation&, const Allocation&) = default;
};

enum class Outcome { kSucceeded, kUserFailure, kInfrastructureFailure, kStopped, kTimedOut, kPreempted };
enum class RunStatus { kRunning, kSucceeded, kFailed, kCancelled };
// A step's state as people see it; the terminal ones are the last four.
enum class StepStatus { kWaiting, kReady, kAssigned, kRunning, kSucceeded, kFailed, kCancelled, kSkipped };

// A committed checkpoint of a step. `model` is the digest of the weights alone.
struct Checkpoint {
  std::int64_t step = 0;
  std::string artifact;
  std::string model;
  std::string model_kind;  // "adapter" or "model"
  Json metrics = Json::object();
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The weights of a model version: digests of artifacts; `adapter` empty for a full model.
struct ModelWeights {
  std::string base;
  std::string adapter;
  friend auto operator<=>(const ModelWeights&, const ModelWeights&) = default;
};

// --- events ---

// A controller took over; replay of everything before it is complete. Its epoch is greater than all before.
struct ControllerStarted {
  std::uint64_t epoch = 0;
  std::uint64_t seed = 0;
  std::uint64_t numbers_lost = 0;  // that records may have given which the journal has lost: not given again
  friend bool operator==(const ControllerStarted&, const ControllerStarted&) = default;
};
struct AgentJoined {
  AgentId agent;
  std::string name;
  std::string boot_id;
  AgentResources resources;
  Labels labels;
  std::string version;
  friend bool operator==(const AgentJoined&, const AgentJoined&) = default;
};
struct AgentLost {
  AgentId agent;
  std::string reason;
  friend bool operator==(const AgentLost&, const AgentLost&) = default;
};
// Somebody said whether the agent may be given work. Ends a drain, either way.
struct AgentCordoned {
  AgentId agent;
  bool cordoned = true;
  std::string by;
  friend bool operator==(const AgentCordoned&, const AgentCordoned&) = default;
};
// The agent is given no work any more; what it runs is moved off at the deadline.
struct AgentDraining {
  AgentId agent;
  std::int64_t deadline_wall_ms = 0;  // 0: what runs may take its time
  std::string by;
  bool by_itself = false;  // the agent asked; it ends with the agent's next start
  friend bool operator==(const AgentDraining&, const AgentDraining&) = default;
};
// Nothing of a draining agent is promised any more.
struct AgentDrained {
  AgentId agent;
  friend bool operator==(const AgentDrained&, const AgentDrained&) = default;
};
// A person said that a lost agent will not come back; its credential is void.
struct AgentForgotten {
  AgentId agent;
  std::string by;
  friend bool operator==(const AgentForgotten&, const AgentForgotten&) = default;
};
struct RunSubmitted {
  RunId run;
  plan::Plan plan;
  std::string yaml;  // as submitted, for people
  std::string file_name;
  std::string submitted_by;
  RunId rerun_of = {};  // the ended run that it goes on from; empty: it starts anew
  friend bool operator==(const RunSubmitted&, const RunSubmitted&) = default;
};
// Needs are met and the inputs are known; `with` holds no expression any more.
struct StepReady {
  RunId run;
  StepId step;
  Json with;
  Json cache = Json();  // how it stands to the cache: internal.h, cache_lookup()
  // That the run which this one goes on from committed of the same step with the same inputs, ascending by step: its
  // first attempt resumes at the last.
  std::vector<Checkpoint> checkpoints = {};
  friend bool operator==(const StepReady&, const StepReady&) = default;
};
struct StepSkipped {
  RunId run;
  StepId step;
  std::string reason;
  friend bool operator==(const StepSkipped&, const StepSkipped&) = default;
};
struct AttemptAssigned {
  AttemptId attempt;
  Allocation allocation;
  std::string resume_artifact;  // empty: from the start
  std::int64_t resume_step = 0;
  // Of an attempt on several nodes: what ranks 1 and up are promised. One event, so that a gang holds all of its
  // allocations or none whatever becomes of the journal.
  std::vector<Allocation> gang = {};
  friend bool operator==(const AttemptAssigned&, const AttemptAssigned&) = default;
};
struct AttemptStarted {
  AttemptId attempt;
  std::int64_t pid = 0;
  friend bool operator==(const AttemptStarted&, const AttemptStarted&) = default;
};
struct AttemptReady {  // a serving process accepts requests
  AttemptId attempt;
  friend bool operator==(const AttemptReady&, const AttemptReady&) = default;
};
// The step's process has said nothing for so long; 0: it speaks again.
struct AttemptSilent {
  AttemptId attempt;
  std::int64_t silent_ms = 0;
  friend bool operator==(const AttemptSilent&, const AttemptSilent&) = default;
};
// The attempt was asked to make room. Its end counts on the preemption budget.
struct AttemptPreempted {
  AttemptId attempt;
  std::string reason;
  friend bool operator==(const AttemptPreempted&, const AttemptPreempted&) = default;
};
struct CheckpointCommitted {
  AttemptId attempt;
  Checkpoint checkpoint;
  friend bool operator==(const CheckpointCommitted&, const CheckpointCommitted&) = default;
};
// A rank of a gang has ended well, while others still run; rank 0's outputs are those of the step.
struct RankFinished {
  AttemptId attempt;
  Json outputs = Json::object();
  Json usage = Json::object();
  friend bool operator==(const RankFinished&, const RankFinished&) = default;
};
// The attempt is over as far as decisions go: it can commit nothing any more. Its resources stay promised until
// AllocationReleased.
struct AttemptEnded {
  AttemptId attempt;
  Outcome outcome = Outcome::kSucceeded;
  int exit_code = 0;
  int signal = 0;
  std::string error_code;
  std::string error_message;
  Json usage = Json::object();  // {"cpu_seconds", "peak_memory_bytes", …}, as far as it is known; of a gang: summed
  friend bool operator==(const AttemptEnded&, const AttemptEnded&) = default;
};
struct AllocationReleased {
  AttemptId attempt;
  Json usage = Json::object();  // as AttemptEnded has it; known also of attempts that ended before their process
  friend bool operator==(const AllocationReleased&, const AllocationReleased&) = default;
};
// A ready step has waited for resources for a while; once for each wait.
struct StepWaiting {
  RunId run;
  StepId step;
  std::string reason;
  friend bool operator==(const StepWaiting&, const StepWaiting&) = default;
};
// The step will be tried again, not before the given time.
struct StepRetrying {
  RunId run;
  StepId step;
  Outcome because = Outcome::kInfrastructureFailure;
  std::int64_t not_before_wall_ms = 0;
  friend bool operator==(const StepRetrying&, const StepRetrying&) = default;
};
// A step that had succeeded runs once more, because what it was measured against is not there any more; its outputs are
// void. Only ever an evaluation whose baseline has moved.
struct StepRepeated {
  RunId run;
  StepId step;
  Json with;
  std::string reason;
  Json cache = Json();  // as in StepReady
  friend bool operator==(const StepRepeated&, const StepRepeated&) = default;
};
struct StepSucceeded {
  RunId run;
  StepId step;
  Json outputs = Json::object();
  RunId cached_from = {};  // the run that made the outputs, when this one did not
  friend bool operator==(const StepSucceeded&, const StepSucceeded&) = default;
};
struct StepFailed {
  RunId run;
  StepId step;
  std::string code;
  std::string message;
  friend bool operator==(const StepFailed&, const StepFailed&) = default;
};
struct StepCancelled {
  RunId run;
  StepId step;
  friend bool operator==(const StepCancelled&, const StepCancelled&) = default;
};
// A person approved or rejected a step of type approve; its end follows.
struct ApprovalDecided {
  RunId run;
  StepId step;
  bool approved = false;
  std::string by;
  std::string comment;
  friend bool operator==(const ApprovalDecided&, const ApprovalDecided&) = default;
};
struct CancelRequested {
  RunId run;
  std::string by;
  friend bool operator==(const CancelRequested&, const CancelRequested&) = default;
};
struct RunFinished {
  RunId run;
  RunStatus status = RunStatus::kSucceeded;
  friend bool operator==(const RunFinished&, const RunFinished&) = default;
};
struct ModelRegistered {
  std::string model;
  int version = 0;
  ModelWeights weights;
  Json lineage = Json::object();  // {"run":…, "step":…} or {"imported_from":…}
  Json metrics = Json::object();
  std::string description;
  friend bool operator==(const ModelRegistered&, const ModelRegistered&) = default;
};
struct AliasMoved {
  std::string model;
  std::string alias;
  int from_version = 0;  // 0: the alias is new
  int to_version = 0;
  std::string by;
  std::string reason;
  bool rollback = false;  // back to where it was before
  bool forced = false;    // although nobody had evaluated the version
  friend bool operator==(const AliasMoved&, const AliasMoved&) = default;
};
struct ModelDeleted {  // one version; its number is never given again
  std::string model;
  int version = 0;
  std::string by;
  friend bool operator==(const ModelDeleted&, const ModelDeleted&) = default;
};
// A deployment is desired state: serve these weights until idle. Its attempts have run = deployment id, step = "serve".
struct DeploymentRequested {
  RunId deployment;
  std::string model;  // the name it was asked by, for people
  ModelWeights weights;
  friend bool operator==(const DeploymentRequested&, const DeploymentRequested&) = default;
};
struct DeploymentStopped {
  RunId deployment;
  std::string reason;
  friend bool operator==(const DeploymentStopped&, const DeploymentStopped&) = default;
};

// The controller's disk has run short of space (`low` says how), or has enough again (empty).
struct StorageChanged {
  std::string low;
  friend bool operator==(const StorageChanged&, const StorageChanged&) = default;
};

using Event = std::variant<ControllerStarted, AgentJoined, AgentLost, RunSubmitted, StepReady, StepSkipped,
                           AttemptAssigned, AttemptStarted, AttemptReady, CheckpointCommitted, AttemptEnded,
                           AllocationReleased, StepRetrying, StepSucceeded, StepFailed, StepCancelled, CancelRequested,
                           RunFinished, ModelRegistered, AliasMoved, DeploymentRequested, DeploymentStopped,
                           StepWaiting, StorageChanged, AgentCordoned, AgentDraining, AgentDrained, AgentForgotten,
                           AttemptSilent, AttemptPreempted, RankFinished, StepRepeated, ModelDeleted, ApprovalDecided>;

[[nodiscard]] std::string event_name(const Event& event);  // "step_ready"
[[nodiscard]] Json event_to_json(const Event& event);      // the body, without the name
[[nodiscard]] Result<Event> event_from_json(const std::string& name, const Json& body);

[[nodiscard]] std::string to_string(RunStatus status);  // "running", "succeeded", "failed", "cancelled"
[[nodiscard]] std::string to_string(StepStatus status);
[[nodiscard]] std::string to_string(Outcome outcome);

}  // namespace luthier::core
