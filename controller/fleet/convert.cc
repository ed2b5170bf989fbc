#include "controller/fleet/convert.h"

#include <algorithm>
#include <utility>

namespace luthier::fleet {

namespace {

constexpr std::size_t kIdBytesMax = 512;
constexpr std::int64_t kDrainMsMax = 30LL * 86'400'000;

using core::Json;

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// An object, or nothing when the text is not one. Empty text is the empty object.
std::optional<Json> object_from(const std::string& text) {
  if (text.empty()) {
    return Json::object();
  }
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_object() ? std::optional<Json>(std::move(parsed)) : std::nullopt;
}

core::Outcome outcome_from(v1::Outcome outcome) {
  switch (outcome) {
    case v1::OUTCOME_SUCCEEDED: return core::Outcome::kSucceeded;
    case v1::OUTCOME_USER_FAILURE: return core::Outcome::kUserFailure;
    case v1::OUTCOME_STOPPED: return core::Outcome::kStopped;
    case v1::OUTCOME_TIMED_OUT: return core::Outcome::kTimedOut;
    default: return core::Outcome::kInfrastructureFailure;  // also what a newer agent may invent
  }
}

core::HeldState held_state_from(v1::HeldState state) {
  switch (state) {
    case v1::HELD_STATE_PREPARING: return core::HeldState::kPreparing;
    case v1::HELD_STATE_FINISHED: return core::HeldState::kFinished;
    default: return core::HeldState::kRunning;
  }
}

v1::StopReason reason_to_proto(core::StopReason reason) {
  switch (reason) {
    case core::StopReason::kCancelled: return v1::STOP_REASON_CANCELLED;
    case core::StopReason::kSuperseded: return v1::STOP_REASON_SUPERSEDED;
    case core::StopReason::kTimedOut: return v1::STOP_REASON_TIMED_OUT;
    case core::StopReason::kUnknownAttempt: return v1::STOP_REASON_UNKNOWN_ATTEMPT;
    case core::StopReason::kIdle: return v1::STOP_REASON_IDLE;
    case core::StopReason::kPreempted: return v1::STOP_REASON_PREEMPTED;
  }
  return v1::STOP_REASON_UNSPECIFIED;
}

v1::AcknowledgedReport report_to_proto(core::AcknowledgedReport report) {
  switch (report) {
    case core::AcknowledgedReport::kStarted: return v1::ACKNOWLEDGED_REPORT_STARTED;
    case core::AcknowledgedReport::kCheckpoint: return v1::ACKNOWLEDGED_REPORT_CHECKPOINT;
    case core::AcknowledgedReport::kFinished: return v1::ACKNOWLEDGED_REPORT_FINISHED;
    case core::AcknowledgedReport::kReleased: return v1::ACKNOWLEDGED_REPORT_RELEASED;
  }
  return v1::ACKNOWLEDGED_REPORT_UNSPECIFIED;
}

void fill(const core::StartAttempt& command, std::uint64_t epoch, v1::ConnectResponse& out) {
  v1::StartAttempt& start = *out.mutable_start_attempt();
  start.set_epoch(epoch);
  *start.mutable_attempt() = to_proto(command.attempt);
  start.set_uses(command.uses);
  start.set_with_json(to_text(command.with));
  for (const int gpu : command.allocation.gpus) {
    start.add_gpus(gpu);
  }
  start.set_cpus(command.allocation.cpus);
  start.set_memory_bytes(command.allocation.memory_bytes);
  start.set_timeout_ms(command.timeout.count());
  start.set_resume_artifact(command.resume_artifact);
  start.set_resume_step(command.resume_step);
  start.set_exclusive(command.exclusive);
  start.set_world_size(command.world_size);
  start.set_rendezvous(command.rendezvous);
}

void fill(const core::StopAttempt& command, std::uint64_t epoch, v1::ConnectResponse& out) {
  v1::StopAttempt& stop = *out.mutable_stop_attempt();
  stop.set_epoch(epoch);
  *stop.mutable_attempt() = to_proto(command.attempt);
  stop.set_reason(reason_to_proto(command.reason));
}

void fill(const core::Acknowledge& command, std::uint64_t, v1::ConnectResponse& out) {
  v1::Acknowledge& acknowledge = *out.mutable_acknowledge();
  *acknowledge.mutable_attempt() = to_proto(command.attempt);
  acknowledge.set_report(report_to_proto(command.report));
  acknowledge.set_step(command.step);
}

Result<core::Input> checkpoint_from(const v1::CheckpointOffered& message, const AgentId& agent) {
  core::CheckpointOfferedReport report;
  LUTHIER_TRY(report.attempt, from_proto(message.attempt()));
  report.agent = agent;
  report.checkpoint.step = message.step();
  report.checkpoint.artifact = message.artifact();
  report.checkpoint.model = message.model_artifact();
  report.checkpoint.model_kind = message.model_kind();
  report.checkpoint.metrics = object_from(message.metrics_json()).value_or(Json::object());
  return core::Input(std::move(report));
}

Json usage_from(const v1::Usage& usage) {
  Json json = Json::object();
  const auto add = [&json](const char* name, auto value) {
    if (value > 0) {
      json[name] = value;
    }
  };
  add("cpu_seconds", usage.cpu_seconds());
  add("peak_memory_bytes", usage.peak_memory_bytes());
  add("gpu_seconds", usage.gpu_seconds());
  add("peak_gpu_memory_bytes", usage.peak_gpu_memory_bytes());
  if (usage.has_mean_gpu_utilization()) {  // none at all is worth knowing
    json["mean_gpu_utilization"] = usage.mean_gpu_utilization();
  }
  return json;
}

Result<core::Input> finished_from(const v1::AttemptFinished& message, const AgentId& agent) {
  core::AttemptFinishedReport report;
  LUTHIER_TRY(report.attempt, from_proto(message.attempt()));
  report.agent = agent;
  report.outcome = outcome_from(message.outcome());
  report.exit_code = message.exit_code();
  report.signal = message.signal();
  report.error_code = message.error_code();
  report.error_message = message.error_message();
  report.usage = usage_from(message.usage());
  if (std::optional<Json> outputs = object_from(message.outputs_json())) {
    report.outputs = std::move(*outputs);
  } else if (report.outcome == core::Outcome::kSucceeded) {
    report.outcome = core::Outcome::kUserFailure;
    report.error_code = "bad_outputs";
    report.error_message = "the step ended well, but its outputs are not a JSON object";
  }
  return core::Input(std::move(report));
}

}  // namespace

v1::AttemptRef to_proto(const AttemptId& attempt) {
  v1::AttemptRef out;
  out.set_run(attempt.run.value);
  out.set_step(attempt.step.value);
  out.set_number(attempt.number);
  out.set_rank(attempt.rank);
  return out;
}

Result<AttemptId> from_proto(const v1::AttemptRef& attempt) {
  if (attempt.run().empty() || attempt.run().size() > kIdBytesMax || attempt.step().empty() ||
      attempt.step().size() > kIdBytesMax || attempt.number() < 1 || attempt.rank() < 0) {
    return Error{ErrorCode::kInvalidArgument, "an attempt needs a run, a step (at most " + std::to_string(kIdBytesMax) +
                                                  " bytes each), a number from 1 on and a rank from 0 on"};
  }
  return AttemptId{RunId{attempt.run()}, StepId{attempt.step()}, attempt.number(), attempt.rank()};
}

v1::AgentResources to_proto(const core::AgentResources& resources) {
  v1::AgentResources out;
  out.set_cpus(resources.cpus);
  out.set_memory_bytes(resources.memory_bytes);
  out.set_cpu_model(resources.cpu_model);
  out.set_rendezvous_host(resources.rendezvous_host);
  out.set_rendezvous_port_first(resources.rendezvous_port_first);
  out.set_rendezvous_port_last(resources.rendezvous_port_last);
  for (const core::Gpu& gpu : resources.gpus) {
    v1::Gpu& one = *out.add_gpus();
    one.set_index(gpu.index);
    one.set_name(gpu.name);
    one.set_uuid(gpu.uuid);
    one.set_memory_bytes(gpu.memory_bytes);
  }
  return out;
}

core::AgentResources from_proto(const v1::AgentResources& resources) {
  core::AgentResources out;
  out.cpus = resources.cpus();
  out.memory_bytes = resources.memory_bytes();
  out.cpu_model = resources.cpu_model();
  out.rendezvous_host = resources.rendezvous_host();
  out.rendezvous_port_first = resources.rendezvous_port_first();
  out.rendezvous_port_last = resources.rendezvous_port_last();
  for (const v1::Gpu& gpu : resources.gpus()) {
    out.gpus.push_back({gpu.index(), gpu.name(), gpu.uuid(), gpu.memory_bytes()});
  }
  return out;
}

v1::ConnectResponse to_proto(const core::AgentCommand& command, std::uint64_t epoch) {
  v1::ConnectResponse out;
  std::visit([&](const auto& one) { fill(one, epoch, out); }, command);
  return out;
}

Result<core::AgentConnected> from_proto(const v1::Hello& hello, const AgentId& agent) {
  core::AgentConnected connected;
  connected.agent = agent;
  connected.name = hello.name();
  connected.boot_id = hello.boot_id();
  connected.resources = from_proto(hello.resources());
  connected.labels = core::Labels(hello.labels().begin(), hello.labels().end());
  connected.version = hello.version();
  connected.draining = hello.draining();
  for (const v1::HeldAttempt& held : hello.held()) {
    LUTHIER_TRY(AttemptId attempt, from_proto(held.attempt()));
    connected.held.push_back({std::move(attempt), held_state_from(held.state())});
  }
  return connected;
}

Result<core::Input> report_from_proto(const v1::ConnectRequest& message, const AgentId& agent) {
  switch (message.message_case()) {
    case v1::ConnectRequest::kAttemptStarted: {
      LUTHIER_TRY(AttemptId attempt, from_proto(message.attempt_started().attempt()));
      return core::Input(core::AttemptStartedReport{std::move(attempt), agent, message.attempt_started().pid()});
    }
    case v1::ConnectRequest::kAttemptReady: {
      LUTHIER_TRY(AttemptId attempt, from_proto(message.attempt_ready().attempt()));
      return core::Input(core::AttemptReadyReport{std::move(attempt), agent});
    }
    case v1::ConnectRequest::kAllocationReleased: {
      LUTHIER_TRY(AttemptId attempt, from_proto(message.allocation_released().attempt()));
      return core::Input(
          core::AllocationReleasedReport{std::move(attempt), agent, usage_from(message.allocation_released().usage())});
    }
    case v1::ConnectRequest::kAttemptSilent: {
      LUTHIER_TRY(AttemptId attempt, from_proto(message.attempt_silent().attempt()));
      return core::Input(core::AttemptSilentReport{std::move(attempt), agent, message.attempt_silent().silent_ms()});
    }
    case v1::ConnectRequest::kDraining:
      return core::Input(core::AgentDrainsItself{
          agent, milliseconds(std::clamp<std::int64_t>(message.draining().deadline_ms(), 0, kDrainMsMax))});
    case v1::ConnectRequest::kCheckpointOffered: return checkpoint_from(message.checkpoint_offered(), agent);
    case v1::ConnectRequest::kAttemptFinished: return finished_from(message.attempt_finished(), agent);
    case v1::ConnectRequest::kHello:
    case v1::ConnectRequest::kHeartbeat:
    case v1::ConnectRequest::MESSAGE_NOT_SET: break;
  }
  return Error{ErrorCode::kInvalidArgument, "this message is not a report"};
}

}  // namespace luthier::fleet
