// Inputs: everything the outside can say to the machine. A closed set; each one is a named thing.
#pragma once

#include "controller/core/event.h"

namespace luthier::core {

// Answers go back by `request` (Effect Reply); 0 means nobody waits.
using RequestId = std::uint64_t;

struct Boot {  // first input after replay
  std::uint64_t epoch = 0;
  std::uint64_t seed = 0;
  std::uint64_t numbers_lost = 0;  // as ControllerStarted has it
};
// What a step of an ended run had and made, for a run that goes on from it.
struct TakenOver {
  Json with;
  Json outputs = Json::object();
  RunId made_by;  // the run in which its process ran
  friend bool operator==(const TakenOver&, const TakenOver&) = default;
};
// The checkpoints that a step of an ended run committed before it ended badly, ascending by step.
struct Unfinished {
  Json with;
  std::vector<Checkpoint> checkpoints;
  friend bool operator==(const Unfinished&, const Unfinished&) = default;
};
struct SubmitRun {
  RequestId request = 0;
  plan::Plan plan;
  std::string yaml;
  std::string file_name;
  std::string submitted_by;
  RunId rerun_of = {};                           // as RunSubmitted has it
  std::map<StepId, TakenOver> taken_over = {};   // rerun.h: steps whose outputs stand
  std::map<StepId, Unfinished> unfinished = {};  // steps that resume, if their inputs are still the same
};
struct CancelRun {
  RequestId request = 0;
  RunId run;
  std::string by;
};

enum class HeldState { kPreparing, kRunning, kFinished };
struct HeldAttempt {
  AttemptId attempt;
  HeldState state = HeldState::kRunning;
};
// An agent's stream is open and it said what it holds. Also after a reconnect of a known agent.
struct AgentConnected {
  AgentId agent;
  std::string name;
  std::string boot_id;
  AgentResources resources;
  std::vector<HeldAttempt> held;
  Labels labels;
  std::string version;
  bool draining = false;         // it wants no new work: it will end when it has nothing left
  std::uint64_t connection = 0;  // the shell's name for the stream; comes back in Welcome
};
// Silence beyond the limit, seen by the shell (fleet); also for agents that did not come back within the grace
// period after a controller start.
struct AgentSilent {
  AgentId agent;
  std::string reason;
};
// An agent that is to end asks for no new work.
struct AgentDrainsItself {
  AgentId agent;
  milliseconds deadline{0};  // 0: none
};
// What people want of an agent, named by its id, or by its name when only one has it. Reply {"agent", "status", …}.
struct CordonAgent {
  RequestId request = 0;
  std::string agent;
  bool cordoned = true;  // false: it may be given work again. Either ends a drain
  std::string by;
};
struct DrainAgent {
  RequestId request = 0;
  std::string agent;
  milliseconds deadline{0};  // after it, what still runs is moved to other agents; 0: never
  std::string by;
};
struct ForgetAgent {
  RequestId request = 0;
  std::string agent;
  std::string by;
};
// The step's process has said nothing for so long, or (0) speaks again.
struct AttemptSilentReport {
  AttemptId attempt;
  AgentId agent;
  std::int64_t silent_ms = 0;
};
struct AttemptStartedReport {
  AttemptId attempt;
  AgentId agent;
  std::int64_t pid = 0;
};
struct AttemptReadyReport {
  AttemptId attempt;
  AgentId agent;
};
struct CheckpointOfferedReport {
  AttemptId attempt;
  AgentId agent;
  Checkpoint checkpoint;
};
struct AttemptFinishedReport {
  AttemptId attempt;
  AgentId agent;
  Outcome outcome = Outcome::kSucceeded;
  Json outputs = Json::object();
  int exit_code = 0;
  int signal = 0;
  std::string error_code;
  std::string error_message;
  Json usage = Json::object();  // as AttemptEnded has it
};
struct AllocationReleasedReport {
  AttemptId attempt;
  AgentId agent;
  Json usage = Json::object();  // as AttemptEnded has it
};
struct RegisterModel {  // import by a person
  RequestId request = 0;
  std::string model;
  ModelWeights weights;
  Json lineage = Json::object();
  std::string description;
};
struct MoveAlias {
  RequestId request = 0;
  std::string model;
  std::string alias;
  int to_version = 0;
  std::optional<int> expected_version;  // compare-and-set; absent: move whatever it is
  std::string by;
  bool force = false;  // also to a version that nobody has evaluated
};
// Back to a version that the alias has pointed at before.
struct RollBackAlias {
  RequestId request = 0;
  std::string model;
  std::string alias;
  std::optional<int> to_version;  // absent: the one before the present one
  std::optional<int> expected_version;
  std::string by;
};
struct DeleteModel {  // one version
  RequestId request = 0;
  std::string model;
  int version = 0;
  std::string by;
  bool admin = false;  // who is none may delete only what is theirs
};
// Somebody wants to talk to a model ("sports", "sports@production", "sports@2"). Replies {"deployment": id,
// "attempt": n, "agent": id, "status": "ready" | "starting"}; also restarts the idle clock.
struct UseModel {
  RequestId request = 0;
  std::string model;
};
// A person decides a step of type approve that waits for it.
struct DecideApproval {
  RequestId request = 0;
  RunId run;
  StepId step;
  bool approved = false;
  std::string by;
  std::string comment;
};
// How the controller's disk is, seen by the shell; said at the start and whenever it may have changed.
struct StorageReport {
  std::string low;  // empty: enough free space
};
struct Tick {};

using Input = std::variant<Boot, SubmitRun, CancelRun, AgentConnected, AgentSilent, AgentDrainsItself, CordonAgent,
                           DrainAgent, ForgetAgent, AttemptSilentReport, AttemptStartedReport, AttemptReadyReport,
                           CheckpointOfferedReport, AttemptFinishedReport, AllocationReleasedReport, RegisterModel,
                           MoveAlias, RollBackAlias, DeleteModel, UseModel, DecideApproval, StorageReport, Tick>;

}  // namespace luthier::core
