// Private to controller/core: the members of each event, each record and the State, named once. JSON out, JSON in, the
// state's hash and its snapshot all walk these lists, so that they cannot drift apart. A name here is part of the
// journal's or a snapshot's format: never change one; a member added later is absent in older ones and keeps its
// default.
#pragma once

#include <concepts>
#include <type_traits>

#include "controller/core/state.h"

namespace luthier::core::fields {

template <class Given, class Wanted>
concept Is = std::same_as<std::remove_const_t<Given>, Wanted>;

// `f(name, member)` for each member, in order.
void visit(auto& f, Is<Gpu> auto& x) {
  f("index", x.index);
  f("name", x.name);
  f("uuid", x.uuid);
  f("memory_bytes", x.memory_bytes);
}
void visit(auto& f, Is<AgentResources> auto& x) {
  f("cpus", x.cpus);
  f("memory_bytes", x.memory_bytes);
  f("gpus", x.gpus);
  f("cpu_model", x.cpu_model);
  f("rendezvous_host", x.rendezvous_host);
  f("rendezvous_port_first", x.rendezvous_port_first);
  f("rendezvous_port_last", x.rendezvous_port_last);
}
void visit(auto& f, Is<Allocation> auto& x) {
  f("agent", x.agent);
  f("cpus", x.cpus);
  f("memory_bytes", x.memory_bytes);
  f("gpus", x.gpus);
  f("rendezvous", x.rendezvous);
}
void visit(auto& f, Is<GangMember> auto& x) {
  f("agent", x.agent);
  f("started", x.started);
  f("done", x.done);
}
void visit(auto& f, Is<Checkpoint> auto& x) {
  f("step", x.step);
  f("artifact", x.artifact);
  f("model", x.model);
  f("model_kind", x.model_kind);
  f("metrics", x.metrics);
}
void visit(auto& f, Is<ModelWeights> auto& x) {
  f("base", x.base);
  f("adapter", x.adapter);
}
void visit(auto& f, Is<AttemptId> auto& x) {
  f("run", x.run);
  f("step", x.step);
  f("number", x.number);
  f("rank", x.rank);
}

// --- the State ---

void visit(auto& f, Is<Agent> auto& x) {
  f("name", x.name);
  f("boot_id", x.boot_id);
  f("resources", x.resources);
  f("status", x.status);
  f("lost_reason", x.lost_reason);
  f("labels", x.labels);
  f("version", x.version);
  f("cordoned", x.cordoned);
  f("draining", x.draining);
  f("drained", x.drained);
  f("drains_itself", x.drains_itself);
  f("drain_deadline_wall_ms", x.drain_deadline_wall_ms);
}
void visit(auto& f, Is<Attempt> auto& x) {
  f("agent", x.agent);
  f("started", x.started);
  f("ready", x.ready);
  f("ended", x.ended);
  f("resume_artifact", x.resume_artifact);
  f("resume_step", x.resume_step);
  f("preempted", x.preempted);
  f("silent_since_wall_ms", x.silent_since_wall_ms);
  f("done", x.done);
  f("gang", x.gang);
  f("rendezvous", x.rendezvous);
  f("outputs", x.outputs);
  f("usage", x.usage);
}
void visit(auto& f, Is<LiveStep> auto& x) {
  f("status", x.status);
  f("with", x.with);
  f("cache", x.cache);
  f("outputs", x.outputs);
  f("reason", x.reason);
  f("attempt_number", x.attempt_number);
  f("attempts_lost", x.attempts_lost);
  f("attempt", x.attempt);
  f("checkpoints", x.checkpoints);
  f("infrastructure_failures", x.infrastructure_failures);
  f("user_failures", x.user_failures);
  f("preemptions", x.preemptions);
  f("crashed_on", x.crashed_on);
  f("not_before_wall_ms", x.not_before_wall_ms);
  f("waits_since_wall_ms", x.waits_since_wall_ms);
  f("waiting_told", x.waiting_told);
  f("repeats", x.repeats);
}
void visit(auto& f, Is<LiveRun> auto& x) {
  f("order", x.order);
  f("plan", x.plan);  // the hash takes plan_hash instead
  f("plan_hash", x.plan_hash);
  f("submitted_by", x.submitted_by);
  f("started", x.started);
  f("cancel_requested", x.cancel_requested);
  f("steps", x.steps);
}
void visit(auto& f, Is<Deployment> auto& x) {
  f("model", x.model);
  f("weights", x.weights);
  f("used_wall_ms", x.used_wall_ms);
  f("serve", x.serve);
}
void visit(auto& f, Is<ModelVersion> auto& x) {
  f("weights", x.weights);
  f("lineage", x.lineage);
  f("metrics", x.metrics);
  f("description", x.description);
}
void visit(auto& f, Is<Model> auto& x) {
  f("versions", x.versions);
  f("aliases", x.aliases);
  f("newest", x.newest);
  f("trails", x.trails);
}
void visit(auto& f, Is<CachedOutputs> auto& x) {
  f("run", x.run);
  f("step", x.step);
  f("pipeline", x.pipeline);
  f("components", x.components);
  f("outputs", x.outputs);
  f("used", x.used);
}
// All but the options, which are policy.
void visit(auto& f, Is<State> auto& x) {
  f("epoch", x.epoch);
  f("seed", x.seed);
  f("next_run", x.next_run);
  f("next_deployment", x.next_deployment);
  f("agents", x.agents);
  f("runs", x.runs);
  f("deployments", x.deployments);
  f("allocations", x.allocations);
  f("models", x.models);
  f("storage_low", x.storage_low);
  f("cache", x.cache);
  f("cache_uses", x.cache_uses);
}

// --- events ---

template <class E>
struct Name;  // the event's name in the journal

#define LUTHIER_EVENT(Type, text)              \
  template <>                                  \
  struct Name<Type> {                          \
    static constexpr const char* value = text; \
  };                                           \
  void visit([[maybe_unused]] auto& f, [[maybe_unused]] Is<Type> auto& x)

LUTHIER_EVENT(ControllerStarted, "controller_started") {
  f("epoch", x.epoch);
  f("seed", x.seed);
  f("numbers_lost", x.numbers_lost);
}
LUTHIER_EVENT(AgentJoined, "agent_joined") {
  f("agent", x.agent);
  f("name", x.name);
  f("boot_id", x.boot_id);
  f("resources", x.resources);
  f("labels", x.labels);
  f("version", x.version);
}
LUTHIER_EVENT(AgentLost, "agent_lost") {
  f("agent", x.agent);
  f("reason", x.reason);
}
LUTHIER_EVENT(AgentCordoned, "agent_cordoned") {
  f("agent", x.agent);
  f("cordoned", x.cordoned);
  f("by", x.by);
}
LUTHIER_EVENT(AgentDraining, "agent_draining") {
  f("agent", x.agent);
  f("deadline_wall_ms", x.deadline_wall_ms);
  f("by", x.by);
  f("by_itself", x.by_itself);
}
LUTHIER_EVENT(AgentDrained, "agent_drained") { f("agent", x.agent); }
LUTHIER_EVENT(AgentForgotten, "agent_forgotten") {
  f("agent", x.agent);
  f("by", x.by);
}
LUTHIER_EVENT(AttemptSilent, "attempt_silent") {
  f("attempt", x.attempt);
  f("silent_ms", x.silent_ms);
}
LUTHIER_EVENT(AttemptPreempted, "attempt_preempted") {
  f("attempt", x.attempt);
  f("reason", x.reason);
}
LUTHIER_EVENT(RunSubmitted, "run_submitted") {
  f("run", x.run);
  f("plan", x.plan);
  f("yaml", x.yaml);
  f("file_name", x.file_name);
  f("submitted_by", x.submitted_by);
  f("rerun_of", x.rerun_of);
}
LUTHIER_EVENT(StepReady, "step_ready") {
  f("run", x.run);
  f("step", x.step);
  f("with", x.with);
  f("cache", x.cache);
  f("checkpoints", x.checkpoints);
}
LUTHIER_EVENT(StepSkipped, "step_skipped") {
  f("run", x.run);
  f("step", x.step);
  f("reason", x.reason);
}
LUTHIER_EVENT(AttemptAssigned, "attempt_assigned") {
  f("attempt", x.attempt);
  f("allocation", x.allocation);
  f("resume_artifact", x.resume_artifact);
  f("resume_step", x.resume_step);
  f("gang", x.gang);
}
LUTHIER_EVENT(AttemptStarted, "attempt_started") {
  f("attempt", x.attempt);
  f("pid", x.pid);
}
LUTHIER_EVENT(AttemptReady, "attempt_ready") { f("attempt", x.attempt); }
LUTHIER_EVENT(CheckpointCommitted, "checkpoint_committed") {
  f("attempt", x.attempt);
  f("checkpoint", x.checkpoint);
}
LUTHIER_EVENT(AttemptEnded, "attempt_ended") {
  f("attempt", x.attempt);
  f("outcome", x.outcome);
  f("exit_code", x.exit_code);
  f("signal", x.signal);
  f("error_code", x.error_code);
  f("error_message", x.error_message);
  f("usage", x.usage);
}
LUTHIER_EVENT(RankFinished, "rank_finished") {
  f("attempt", x.attempt);
  f("outputs", x.outputs);
  f("usage", x.usage);
}
LUTHIER_EVENT(AllocationReleased, "allocation_released") {
  f("attempt", x.attempt);
  f("usage", x.usage);
}
LUTHIER_EVENT(StepWaiting, "step_waiting") {
  f("run", x.run);
  f("step", x.step);
  f("reason", x.reason);
}
LUTHIER_EVENT(StepRetrying, "step_retrying") {
  f("run", x.run);
  f("step", x.step);
  f("because", x.because);
  f("not_before_wall_ms", x.not_before_wall_ms);
}
LUTHIER_EVENT(StepSucceeded, "step_succeeded") {
  f("run", x.run);
  f("step", x.step);
  f("outputs", x.outputs);
  f("cached_from", x.cached_from);
}
LUTHIER_EVENT(StepFailed, "step_failed") {
  f("run", x.run);
  f("step", x.step);
  f("code", x.code);
  f("message", x.message);
}
LUTHIER_EVENT(StepCancelled, "step_cancelled") {
  f("run", x.run);
  f("step", x.step);
}
LUTHIER_EVENT(ApprovalDecided, "approval_decided") {
  f("run", x.run);
  f("step", x.step);
  f("approved", x.approved);
  f("by", x.by);
  f("comment", x.comment);
}
LUTHIER_EVENT(CancelRequested, "cancel_requested") {
  f("run", x.run);
  f("by", x.by);
}
LUTHIER_EVENT(RunFinished, "run_finished") {
  f("run", x.run);
  f("status", x.status);
}
LUTHIER_EVENT(ModelRegistered, "model_registered") {
  f("model", x.model);
  f("version", x.version);
  f("weights", x.weights);
  f("lineage", x.lineage);
  f("metrics", x.metrics);
  f("description", x.description);
}
LUTHIER_EVENT(AliasMoved, "alias_moved") {
  f("model", x.model);
  f("alias", x.alias);
  f("from_version", x.from_version);
  f("to_version", x.to_version);
  f("by", x.by);
  f("reason", x.reason);
  f("rollback", x.rollback);
  f("forced", x.forced);
}
LUTHIER_EVENT(DeploymentRequested, "deployment_requested") {
  f("deployment", x.deployment);
  f("model", x.model);
  f("weights", x.weights);
}
LUTHIER_EVENT(DeploymentStopped, "deployment_stopped") {
  f("deployment", x.deployment);
  f("reason", x.reason);
}
LUTHIER_EVENT(StepRepeated, "step_repeated") {
  f("run", x.run);
  f("step", x.step);
  f("with", x.with);
  f("reason", x.reason);
  f("cache", x.cache);
}
LUTHIER_EVENT(ModelDeleted, "model_deleted") {
  f("model", x.model);
  f("version", x.version);
  f("by", x.by);
}

LUTHIER_EVENT(StorageChanged, "storage_changed") { f("low", x.low); }

#undef LUTHIER_EVENT

}  // namespace luthier::core::fields
