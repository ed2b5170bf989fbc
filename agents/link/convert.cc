#include "agents/link/convert.h"

namespace luthier::agents {
namespace {

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

v1::Outcome outcome_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSucceeded: return v1::OUTCOME_SUCCEEDED;
    case Outcome::kUserFailure: return v1::OUTCOME_USER_FAILURE;
    case Outcome::kInfrastructureFailure: return v1::OUTCOME_INFRASTRUCTURE_FAILURE;
    case Outcome::kStopped: return v1::OUTCOME_STOPPED;
    case Outcome::kTimedOut: return v1::OUTCOME_TIMED_OUT;
  }
  return v1::OUTCOME_UNSPECIFIED;
}

void write_usage(const Usage& usage, v1::Usage& out) {
  out.set_cpu_seconds(static_cast<double>(usage.cpu_ms) / 1000);
  out.set_peak_memory_bytes(usage.peak_memory_bytes);
  out.set_gpu_seconds(static_cast<double>(usage.gpu_ms) / 1000);
  out.set_peak_gpu_memory_bytes(usage.peak_gpu_memory_bytes);
  if (usage.mean_gpu_utilization) {
    out.set_mean_gpu_utilization(*usage.mean_gpu_utilization);
  }
}

struct ReportWriter {
  v1::ConnectRequest& message;

  void operator()(const StartedReport& report) const {
    auto& out = *message.mutable_attempt_started();
    *out.mutable_attempt() = to_proto(report.attempt);
    out.set_pid(report.pid);
  }
  void operator()(const ReadyReport& report) const {
    *message.mutable_attempt_ready()->mutable_attempt() = to_proto(report.attempt);
  }
  void operator()(const SilentReport& report) const {
    auto& out = *message.mutable_attempt_silent();
    *out.mutable_attempt() = to_proto(report.attempt);
    out.set_silent_ms(report.silent_ms);
  }
  void operator()(const CheckpointReport& report) const {
    auto& out = *message.mutable_checkpoint_offered();
    *out.mutable_attempt() = to_proto(report.attempt);
    out.set_step(report.step);
    out.set_artifact(report.artifact);
    out.set_model_artifact(report.model);
    out.set_model_kind(report.model_kind);
    out.set_metrics_json(dump(report.metrics));
  }
  void operator()(const FinishedReport& report) const {
    auto& out = *message.mutable_attempt_finished();
    *out.mutable_attempt() = to_proto(report.attempt);
    out.set_outcome(outcome_of(report.outcome));
    out.set_outputs_json(dump(report.outputs));
    out.set_exit_code(report.exit_code);
    out.set_signal(report.signal);
    out.set_error_code(report.error_code);
    out.set_error_message(report.error_message);
    write_usage(report.usage, *out.mutable_usage());
  }
  void operator()(const ReleasedReport& report) const {
    auto& out = *message.mutable_allocation_released();
    *out.mutable_attempt() = to_proto(report.attempt);
    write_usage(report.usage, *out.mutable_usage());
  }
};

Result<Input> start_from_proto(const v1::StartAttempt& command) {
  Assignment assignment;
  assignment.attempt = from_proto(command.attempt());
  assignment.uses = command.uses();
  assignment.with = command.with_json().empty() ? Json::object() : Json::parse(command.with_json(), nullptr, false);
  if (!assignment.with.is_object() || assignment.attempt.run.empty() || assignment.attempt.step.empty() ||
      assignment.attempt.number < 1 || assignment.attempt.rank < 0) {
    return Error{ErrorCode::kInvalidArgument, "StartAttempt of " + to_string(assignment.attempt) +
                                                  " lacks a run, a step, a number or an object `with`"};
  }
  assignment.gpus.assign(command.gpus().begin(), command.gpus().end());
  assignment.cpus = command.cpus();
  assignment.memory_bytes = command.memory_bytes();
  assignment.timeout = milliseconds(command.timeout_ms());
  assignment.resume_artifact = command.resume_artifact();
  assignment.resume_step = command.resume_step();
  assignment.exclusive = command.exclusive();
  assignment.world_size = std::max(1, command.world_size());
  assignment.rendezvous = command.rendezvous();
  return Input(AssignmentReceived{std::move(assignment)});
}

StopReason stop_reason(v1::StopReason reason) {
  switch (reason) {
    case v1::STOP_REASON_SUPERSEDED: return StopReason::kSuperseded;
    case v1::STOP_REASON_TIMED_OUT: return StopReason::kTimedOut;
    case v1::STOP_REASON_UNKNOWN_ATTEMPT: return StopReason::kUnknownAttempt;
    case v1::STOP_REASON_IDLE: return StopReason::kIdle;
    case v1::STOP_REASON_PREEMPTED: return StopReason::kPreempted;
    default: return StopReason::kCancelled;
  }
}

Result<Input> acknowledge_from_proto(const v1::Acknowledge& command) {
  const AttemptId attempt = from_proto(command.attempt());
  switch (command.report()) {
    case v1::ACKNOWLEDGED_REPORT_STARTED: return Input(Acknowledged{attempt, ReportKind::kStarted, 0});
    case v1::ACKNOWLEDGED_REPORT_CHECKPOINT:
      return Input(Acknowledged{attempt, ReportKind::kCheckpoint, command.step()});
    case v1::ACKNOWLEDGED_REPORT_FINISHED: return Input(Acknowledged{attempt, ReportKind::kFinished, 0});
    case v1::ACKNOWLEDGED_REPORT_RELEASED: return Input(Acknowledged{attempt, ReportKind::kReleased, 0});
    default: return Error{ErrorCode::kInvalidArgument, "acknowledgement of an unknown report"};
  }
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

AttemptId from_proto(const v1::AttemptRef& attempt) {
  return {RunId{attempt.run()}, StepId{attempt.step()}, attempt.number(), attempt.rank()};
}

v1::ConnectRequest to_proto(const Report& report) {
  v1::ConnectRequest message;
  std::visit(ReportWriter{message}, report);
  return message;
}

v1::AgentResources to_proto(const Devices& devices) {
  v1::AgentResources out;
  out.set_cpus(devices.cpus);
  out.set_memory_bytes(devices.memory_bytes);
  out.set_cpu_model(devices.cpu_model);
  out.set_rendezvous_host(devices.rendezvous.host);
  out.set_rendezvous_port_first(devices.rendezvous.port_first);
  out.set_rendezvous_port_last(devices.rendezvous.port_last);
  for (const Gpu& gpu : devices.gpus) {
    v1::Gpu& one = *out.add_gpus();
    one.set_index(gpu.index);
    one.set_name(gpu.name);
    one.set_uuid(gpu.uuid);
    one.set_memory_bytes(gpu.memory_bytes);
  }
  return out;
}

v1::HeldAttempt to_proto(const HeldAttempt& held) {
  v1::HeldAttempt out;
  *out.mutable_attempt() = to_proto(held.attempt);
  switch (held.state) {
    case HeldState::kPreparing: out.set_state(v1::HELD_STATE_PREPARING); break;
    case HeldState::kRunning: out.set_state(v1::HELD_STATE_RUNNING); break;
    case HeldState::kFinished: out.set_state(v1::HELD_STATE_FINISHED); break;
  }
  return out;
}

Result<Input> from_proto(const v1::ConnectResponse& command) {
  switch (command.message_case()) {
    case v1::ConnectResponse::kStartAttempt: return start_from_proto(command.start_attempt());
    case v1::ConnectResponse::kStopAttempt:
      return Input(
          StopReceived{from_proto(command.stop_attempt().attempt()), stop_reason(command.stop_attempt().reason())});
    case v1::ConnectResponse::kAcknowledge: return acknowledge_from_proto(command.acknowledge());
    default: return Error{ErrorCode::kInvalidArgument, "unexpected message of the controller"};
  }
}

}  // namespace luthier::agents
