// Private to controller/core: what its source files share.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/core.h"

namespace luthier::core::internal {

// One step() in progress.
struct Turn {
  State& state;
  const Now now;
  std::vector<Effect> effects = {};
  std::set<RunId> touched = {};  // runs in which something changed that others may wait for
  // The run that is being submitted, if it goes on from another. What is taken over is decided in its first turn:
  // nothing before it runs, or it would not be.
  RunId rerun = {};
  const SubmitRun* submission = nullptr;

  // Applies the event and asks for it to be journaled: the only way to change the state.
  void record(Event event);
  void publish(std::string name, Json payload) { effects.push_back(Publish{std::move(name), std::move(payload)}); }
  void send(const AgentId& agent, AgentCommand command) { effects.push_back(SendToAgent{agent, std::move(command)}); }
  void reply(RequestId request, Json value);
  void refuse(RequestId request, Error error);
};

// --- machine.cc ---
void on(Turn& turn, const Boot& input);
void on(Turn& turn, const Tick& input);
void on(Turn& turn, const StorageReport& input);

// --- runs.cc: readiness, and the end of runs ---
void on(Turn& turn, const SubmitRun& input);
void on(Turn& turn, const CancelRun& input);
// Why a run that is not live cannot be cancelled, or whatever `verb` says.
[[nodiscard]] Error no_such_run(const State& state, const std::string& run, const std::string& verb);
// Decides every waiting step whose needs are over, and finishes the run when all its steps are.
void advance_run(Turn& turn, const RunId& run);
void succeed_step(Turn& turn, const RunId& run, const StepId& step, Json outputs);
// The step is ready, and what it would make is there already.
void reuse_outputs(Turn& turn, const RunId& run, const StepId& step, const CachedOutputs& hit);
void fail_step(Turn& turn, const RunId& run, const StepId& step, const std::string& code, const std::string& message);
// nullptr for a step of a deployment.
[[nodiscard]] const plan::Step* find_plan_step(const State& state, const RunId& run, const StepId& step);
// {"run", "pipeline", "step"} for Publish.
[[nodiscard]] Json about(const State& state, const RunId& run, const StepId& step);
// Publishes run.started, before the event that marks the run as started.
void publish_run_started(Turn& turn, const RunId& run);
// Publishes about a step; nothing for a step of a deployment.
void publish_step(Turn& turn, const std::string& name, const RunId& run, const StepId& step, const Json& more);

// --- scope.cc: what a step's expressions see, and its inputs ---
[[nodiscard]] Json make_scope(const LiveRun& run, const RunId& id, const plan::Step& step);
[[nodiscard]] Result<bool> condition_holds(const plan::Step& step, const Json& scope);
[[nodiscard]] Result<Json> resolve_inputs(const State& state, const LiveRun& run, const plan::Step& step,
                                          const Json& scope);

// --- cache.cc: outputs that are there already ---
// How the step stands to the cache, for StepReady: null for a step without a process; {"off": why}; or {"components",
// what its outputs depend on} with "hit" {"run", "step"} (and the hit's own "components" where they differ) or, on a
// miss, "nearest" {"run", "step", "changed":
// [{"component", "before", "now"}]} when the step of this pipeline has run before. Where nothing is looked up because
// the run goes on from another, StepReady has {"taken_from": that run} instead.
[[nodiscard]] Json cache_lookup(const State& state, const std::string& pipeline, const plan::Step& step,
                                const Json& with);
// As far as it can be said while inputs of these names are not known yet: {"off": why}, or "nearest" with what differs
// from it among what is known.
[[nodiscard]] Json cache_outlook(const State& state, const std::string& pipeline, const plan::Step& step,
                                 const Json& with, const std::vector<std::string>& open);
[[nodiscard]] const CachedOutputs* cache_hit(const State& state, const Json& lookup);
// Whether two steps' inputs are the same: models by their weights, whatever their names.
[[nodiscard]] bool same_inputs(const Json& one, const Json& other);

// --- agents.cc ---
void on(Turn& turn, const AgentConnected& input);
void on(Turn& turn, const AgentSilent& input);
// Current attempts (ranks of them, of gangs) that the controller believes on this agent.
[[nodiscard]] std::vector<AttemptId> current_attempts(const State& state, const AgentId& agent);

// --- drains.cc: what people want of an agent ---
void on(Turn& turn, const AgentDrainsItself& input);
void on(Turn& turn, const CordonAgent& input);
void on(Turn& turn, const DrainAgent& input);
void on(Turn& turn, const ForgetAgent& input);
// An agent that said Hello: does it want to end, or is it back after it did?
void note_own_drain(Turn& turn, const AgentId& agent, bool draining);
// Moves attempts off agents whose time to drain is over, and notes which agents have nothing left.
void settle_drains(Turn& turn);
// When the next deadline is; 0: none.
[[nodiscard]] std::int64_t next_drain_wall_ms(const State& state);

// --- attempts.cc: reports, and the end of attempts ---
void on(Turn& turn, const AttemptStartedReport& input);
void on(Turn& turn, const AttemptReadyReport& input);
void on(Turn& turn, const AttemptSilentReport& input);
void on(Turn& turn, const CheckpointOfferedReport& input);
void on(Turn& turn, const AttemptFinishedReport& input);
void on(Turn& turn, const AllocationReleasedReport& input);
// How an attempt ended that did not succeed.
struct Failure {
  Outcome outcome = Outcome::kInfrastructureFailure;
  int exit_code = 0;
  int signal = 0;
  std::string code;
  std::string message;
  Json usage = Json::object();
};
// Ends the current attempt, stops the other ranks of a gang, and decides whether the step is tried again. `attempt`
// is the rank that failed.
void end_with_failure(Turn& turn, const AttemptId& attempt, const Failure& failure);
// Ends the current attempt because nobody wants it any more, and tells its agent.
void stop_attempt(Turn& turn, const RunId& run, const StepId& step, StopReason reason);

// --- gang.cc: attempts on several nodes ---
// Tells the agents of all ranks that are not done, but for `except`.
void stop_ranks(Turn& turn, const AttemptId& attempt, const Attempt& live, StopReason reason,
                std::optional<std::int32_t> except = std::nullopt);
// "HOST:PORT" of the agent's range at which no gang meets; empty: none.
[[nodiscard]] std::string free_rendezvous(const State& state, const AgentId& agent);
// Of a ready step: agents that may still run processes of its earlier attempts. An `exclusive` gang waits for these.
[[nodiscard]] std::vector<AgentId> old_ranks_alive(const State& state, const RunId& run, const StepId& step);
// By rank.
[[nodiscard]] std::vector<AgentId> agents_of(const Attempt& attempt);

// --- retry.cc ---
struct Verdict {
  bool retry = false;
  std::int64_t not_before_wall_ms = 0;  // when retry
  std::string code;                     // when not
  std::string message;
};
// `step` has already counted the failure.
[[nodiscard]] Verdict judge_failure(const State& state, const AttemptId& attempt, const LiveStep& step,
                                    const plan::Retry& budget, const Failure& failure, Now now);

// --- schedule.cc ---
void schedule(Turn& turn);
// Publishes about steps that have waited for resources for a while.
void tell_of_waiting(Turn& turn);
[[nodiscard]] StartAttempt start_command(const State& state, const AttemptId& attempt);
struct FreeResources {
  double cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<int> gpus;
  int serving = 0;  // deployments on this agent
};
[[nodiscard]] std::map<AgentId, FreeResources> free_resources(const State& state);  // of every agent
// Whether people want it to be given work.
[[nodiscard]] bool takes_work(const Agent& agent);
// Whether it has every label that is asked for.
[[nodiscard]] bool has_labels(const Agent& agent, const Labels& wanted);
// Members of the step's matrix that are assigned or running, when they are as many as may be at once; else none.
[[nodiscard]] std::vector<StepId> members_ahead(const LiveRun& run, const plan::Step& step);
[[nodiscard]] bool fits(const FreeResources& free, const plan::Resources& wanted);
// Whether a ready step's pause before the next try is over. A wall clock that was set back does not prolong it.
[[nodiscard]] bool is_due(const LiveStep& step, const plan::Retry& budget, Now now);
[[nodiscard]] plan::Retry retry_of(const State& state, const RunId& run, const StepId& step);

// --- controller_steps.cc: steps without a process ---
struct StepEnd {
  bool succeeded = false;
  Json outputs;
  std::string code;
  std::string message;
};
// Of a step whose outputs follow from its inputs alone; nothing for one that looks at the state or changes it.
[[nodiscard]] std::optional<StepEnd> run_pure_step(const plan::Step& step, const Json& with);
[[nodiscard]] StepEnd run_controller_step(Turn& turn, const RunId& run, const plan::Step& step, const Json& with);

// --- approvals.cc: steps that a person decides ---
void on(Turn& turn, const DecideApproval& input);
[[nodiscard]] bool waits_for_approval(const plan::Step& step, const LiveStep& live);
[[nodiscard]] std::string approval_reason(const RunId& run, const plan::Step& step, const LiveStep& live);
// Publishes approval.requested about a step that has just become ready; fails one whose approvers are no names.
void request_approval(Turn& turn, const RunId& run, const plan::Step& step, const Json& with);
// Fails what nobody decided within its timeout.
void end_overdue_approvals(Turn& turn);

// --- promote.cc ---
[[nodiscard]] StepEnd run_register(Turn& turn, const RunId& run, const plan::Step& step, const Json& with);
[[nodiscard]] StepEnd run_promote(Turn& turn, const RunId& run, const plan::Step& step, const Json& with);
// Before a promotion: repeats evaluations whose baseline has moved since, if nothing else acted on their verdict. True
// when it did; then the promotion must wait for them.
[[nodiscard]] bool repeat_outdated_evaluations(Turn& turn, const RunId& run, const plan::Step& step, const Json& with);

// --- registry.cc ---
void on(Turn& turn, const RegisterModel& input);
void on(Turn& turn, const MoveAlias& input);
void on(Turn& turn, const RollBackAlias& input);
void on(Turn& turn, const DeleteModel& input);
// Whether somebody has evaluated this version, or the alias has served it before.
[[nodiscard]] bool may_serve(const Model& model, int version, const std::string& alias);
// The version that has these weights already, or a new one.
int register_weights(Turn& turn, ModelRegistered candidate);
// Moves the alias unless it is there already; returns where it was (0: nowhere).
int move_alias(Turn& turn, AliasMoved move, const Json& more);
// The version an alias points at; 0 when there is none.
[[nodiscard]] int alias_version(const State& state, const std::string& model, const std::string& alias);

// --- model_value.cc ---
[[nodiscard]] Json artifact_value(const std::string& digest, const std::string& kind);
[[nodiscard]] Json model_value(const ModelWeights& weights, const std::string& name, int version);
[[nodiscard]] bool is_artifact(const Json& value, const std::string& kind);
// A model value, or a bare artifact of kind "model".
[[nodiscard]] Result<ModelWeights> weights_of(const Json& value);
// The model value of a checkpoint of a training that had these inputs.
[[nodiscard]] Json checkpoint_model(const Checkpoint& checkpoint, const Json& with);
// `outputs` of a training with what was committed: `checkpoints`, and `model` if it gave none.
[[nodiscard]] Json training_outputs(Json outputs, const LiveStep& step);

// --- deployments.cc ---
void on(Turn& turn, const UseModel& input);
void stop_idle_deployments(Turn& turn);
// When the next one may be idle; 0: none.
[[nodiscard]] std::int64_t next_idle_wall_ms(const State& state);
// After scheduling, so that the answer says where it is.
void reply_use(Turn& turn, const UseModel& input);

// --- names.cc ---
// ", did you mean 'x'?" when one of the names is near, else "".
[[nodiscard]] std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);
[[nodiscard]] std::string join(const std::vector<std::string>& words, const std::string& last_separator);

}  // namespace luthier::core::internal
