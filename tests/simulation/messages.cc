#include "tests/simulation/messages.h"

namespace luthier::simulation {
namespace {

core::Outcome convert(agents::Outcome outcome) {
  switch (outcome) {
    case agents::Outcome::kSucceeded: return core::Outcome::kSucceeded;
    case agents::Outcome::kUserFailure: return core::Outcome::kUserFailure;
    case agents::Outcome::kInfrastructureFailure: return core::Outcome::kInfrastructureFailure;
    case agents::Outcome::kStopped: return core::Outcome::kStopped;
    case agents::Outcome::kTimedOut: return core::Outcome::kTimedOut;
  }
  LUTHIER_CHECK(false);
}

agents::StopReason convert(core::StopReason reason) {
  switch (reason) {
    case core::StopReason::kCancelled: return agents::StopReason::kCancelled;
    case core::StopReason::kSuperseded: return agents::StopReason::kSuperseded;
    case core::StopReason::kTimedOut: return agents::StopReason::kTimedOut;
    case core::StopReason::kUnknownAttempt: return agents::StopReason::kUnknownAttempt;
    case core::StopReason::kIdle: return agents::StopReason::kIdle;
    case core::StopReason::kPreempted: return agents::StopReason::kPreempted;
  }
  LUTHIER_CHECK(false);
}

agents::ReportKind convert(core::AcknowledgedReport report) {
  switch (report) {
    case core::AcknowledgedReport::kStarted: return agents::ReportKind::kStarted;
    case core::AcknowledgedReport::kCheckpoint: return agents::ReportKind::kCheckpoint;
    case core::AcknowledgedReport::kFinished: return agents::ReportKind::kFinished;
    case core::AcknowledgedReport::kReleased: return agents::ReportKind::kReleased;
  }
  LUTHIER_CHECK(false);
}

struct ToController {
  const AgentId& from;
  core::Input operator()(const agents::StartedReport& r) const {
    return core::AttemptStartedReport{r.attempt, from, r.pid};
  }
  core::Input operator()(const agents::ReadyReport& r) const { return core::AttemptReadyReport{r.attempt, from}; }
  core::Input operator()(const agents::SilentReport& r) const {
    return core::AttemptSilentReport{r.attempt, from, r.silent_ms};
  }
  core::Input operator()(const agents::CheckpointReport& r) const {
    return core::CheckpointOfferedReport{r.attempt, from, {r.step, r.artifact, r.model, r.model_kind, r.metrics}};
  }
  core::Input operator()(const agents::FinishedReport& r) const {
    return core::AttemptFinishedReport{r.attempt,   from,     convert(r.outcome), r.outputs,
                                       r.exit_code, r.signal, r.error_code,       r.error_message};
  }
  core::Input operator()(const agents::ReleasedReport& r) const {
    return core::AllocationReleasedReport{r.attempt, from};
  }
};

struct ToAgent {
  agents::Input operator()(const core::StartAttempt& c) const {
    return agents::AssignmentReceived{{.attempt = c.attempt,
                                       .uses = c.uses,
                                       .with = c.with,
                                       .gpus = c.allocation.gpus,
                                       .cpus = c.allocation.cpus,
                                       .memory_bytes = c.allocation.memory_bytes,
                                       .timeout = c.timeout,
                                       .resume_artifact = c.resume_artifact,
                                       .resume_step = c.resume_step,
                                       .exclusive = c.exclusive,
                                       .world_size = c.world_size,
                                       .rendezvous = c.rendezvous}};
  }
  agents::Input operator()(const core::StopAttempt& c) const {
    return agents::StopReceived{c.attempt, convert(c.reason)};
  }
  agents::Input operator()(const core::Acknowledge& c) const {
    return agents::Acknowledged{c.attempt, convert(c.report), c.step};
  }
};

}  // namespace

core::Input to_controller(const agents::Report& report, const AgentId& from) {
  return std::visit(ToController{from}, report);
}

agents::Input to_agent(const core::AgentCommand& command) { return std::visit(ToAgent{}, command); }

std::vector<core::HeldAttempt> to_controller(const std::vector<agents::HeldAttempt>& held) {
  std::vector<core::HeldAttempt> converted;
  for (const agents::HeldAttempt& each : held) {
    core::HeldState state = core::HeldState::kFinished;
    switch (each.state) {
      case agents::HeldState::kPreparing: state = core::HeldState::kPreparing; break;
      case agents::HeldState::kRunning: state = core::HeldState::kRunning; break;
      case agents::HeldState::kFinished: break;
    }
    converted.push_back({each.attempt, state});
  }
  return converted;
}

}  // namespace luthier::simulation
