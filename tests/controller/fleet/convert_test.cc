#include "controller/fleet/convert.h"

#include <gtest/gtest.h>

namespace luthier::fleet {
namespace {

using core::Json;

const AttemptId kAttempt{RunId{"r-1"}, StepId{"train[lr=0.1]"}, 3};
const AgentId kAgent{"a-1"};

TEST(Convert, AnAttemptSurvivesTheRoundTrip) {
  const Result<AttemptId> back = from_proto(to_proto(kAttempt));
  ASSERT_TRUE(back);
  EXPECT_EQ(back.value(), kAttempt);
}

TEST(Convert, RefusesWhatIsNoAttempt) {
  for (const AttemptId& bad :
       {AttemptId{RunId{""}, StepId{"s"}, 1}, AttemptId{RunId{"r"}, StepId{""}, 1},
        AttemptId{RunId{"r"}, StepId{"s"}, 0}, AttemptId{RunId{std::string(513, 'r')}, StepId{"s"}, 1}}) {
    const Result<AttemptId> result = from_proto(to_proto(bad));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Convert, ResourcesSurviveTheRoundTrip) {
  core::AgentResources resources;
  resources.cpus = 7.5;
  resources.memory_bytes = std::uint64_t{1} << 40;
  resources.cpu_model = "some processor";
  resources.gpus = {{0, "first", "GPU-1", 80}, {3, "second", "GPU-2", 90}};
  EXPECT_EQ(from_proto(to_proto(resources)), resources);
}

TEST(Convert, StartCarriesEveryField) {
  core::StartAttempt start;
  start.attempt = kAttempt;
  start.uses = "train";
  start.with = Json{{"epochs", 3}};
  start.allocation = {kAgent, 2.5, 1024, {0, 2}};
  start.timeout = milliseconds(5'000);
  start.resume_artifact = "sha256:ab";
  start.resume_step = 40;
  start.exclusive = true;
  const v1::ConnectResponse message = to_proto(core::AgentCommand(start), 9);
  ASSERT_TRUE(message.has_start_attempt());
  const v1::StartAttempt& out = message.start_attempt();
  EXPECT_EQ(out.epoch(), 9U);
  EXPECT_EQ(from_proto(out.attempt()).value(), kAttempt);
  EXPECT_EQ(out.uses(), "train");
  EXPECT_EQ(out.with_json(), R"({"epochs":3})");
  EXPECT_EQ(std::vector<int>(out.gpus().begin(), out.gpus().end()), (std::vector<int>{0, 2}));
  EXPECT_EQ(out.cpus(), 2.5);
  EXPECT_EQ(out.memory_bytes(), 1024U);
  EXPECT_EQ(out.timeout_ms(), 5'000);
  EXPECT_EQ(out.resume_artifact(), "sha256:ab");
  EXPECT_EQ(out.resume_step(), 40);
  EXPECT_TRUE(out.exclusive());
}

TEST(Convert, StopAndAcknowledgeKeepTheirReasons) {
  const std::pair<core::StopReason, v1::StopReason> reasons[] = {
      {core::StopReason::kCancelled, v1::STOP_REASON_CANCELLED},
      {core::StopReason::kSuperseded, v1::STOP_REASON_SUPERSEDED},
      {core::StopReason::kTimedOut, v1::STOP_REASON_TIMED_OUT},
      {core::StopReason::kUnknownAttempt, v1::STOP_REASON_UNKNOWN_ATTEMPT},
      {core::StopReason::kIdle, v1::STOP_REASON_IDLE}};
  for (const auto& [ours, theirs] : reasons) {
    const v1::ConnectResponse message = to_proto(core::AgentCommand(core::StopAttempt{kAttempt, ours}), 4);
    EXPECT_EQ(message.stop_attempt().reason(), theirs);
    EXPECT_EQ(message.stop_attempt().epoch(), 4U);
  }
  const std::pair<core::AcknowledgedReport, v1::AcknowledgedReport> reports[] = {
      {core::AcknowledgedReport::kStarted, v1::ACKNOWLEDGED_REPORT_STARTED},
      {core::AcknowledgedReport::kCheckpoint, v1::ACKNOWLEDGED_REPORT_CHECKPOINT},
      {core::AcknowledgedReport::kFinished, v1::ACKNOWLEDGED_REPORT_FINISHED},
      {core::AcknowledgedReport::kReleased, v1::ACKNOWLEDGED_REPORT_RELEASED}};
  for (const auto& [ours, theirs] : reports) {
    const v1::ConnectResponse message = to_proto(core::AgentCommand(core::Acknowledge{kAttempt, ours, 12}), 4);
    EXPECT_EQ(message.acknowledge().report(), theirs);
    EXPECT_EQ(message.acknowledge().step(), 12);
  }
}

TEST(Convert, HelloNamesWhatTheAgentHolds) {
  v1::Hello hello;
  hello.set_agent_id("a-1");
  hello.set_name("box");
  hello.set_boot_id("boot");
  hello.mutable_resources()->set_cpus(4);
  v1::HeldAttempt& held = *hello.add_held();
  *held.mutable_attempt() = to_proto(kAttempt);
  held.set_state(v1::HELD_STATE_FINISHED);
  const Result<core::AgentConnected> connected = from_proto(hello, kAgent);
  ASSERT_TRUE(connected);
  EXPECT_EQ(connected->agent, kAgent);
  EXPECT_EQ(connected->name, "box");
  EXPECT_EQ(connected->boot_id, "boot");
  EXPECT_EQ(connected->resources.cpus, 4);
  ASSERT_EQ(connected->held.size(), 1U);
  EXPECT_EQ(connected->held[0].attempt, kAttempt);
  EXPECT_EQ(connected->held[0].state, core::HeldState::kFinished);
}

TEST(Convert, FinishedKeepsOutcomeAndOutputs) {
  v1::ConnectRequest message;
  v1::AttemptFinished& finished = *message.mutable_attempt_finished();
  *finished.mutable_attempt() = to_proto(kAttempt);
  finished.set_outcome(v1::OUTCOME_USER_FAILURE);
  finished.set_exit_code(3);
  finished.set_error_code("bad_data");
  finished.set_error_message("no rows");
  finished.set_outputs_json(R"({"a":1})");
  const Result<core::Input> input = report_from_proto(message, kAgent);
  ASSERT_TRUE(input);
  const auto& report = std::get<core::AttemptFinishedReport>(input.value());
  EXPECT_EQ(report.attempt, kAttempt);
  EXPECT_EQ(report.agent, kAgent);
  EXPECT_EQ(report.outcome, core::Outcome::kUserFailure);
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(report.error_code, "bad_data");
  EXPECT_EQ(report.error_message, "no rows");
  EXPECT_EQ(report.outputs, (Json{{"a", 1}}));
}

TEST(Convert, WhatAnAttemptUsedComesWithItsEndAndWithItsRelease) {
  v1::ConnectRequest message;
  const auto fill = [](v1::Usage& usage) {
    usage.set_cpu_seconds(1.5);
    usage.set_peak_gpu_memory_bytes(7);
    usage.set_mean_gpu_utilization(0);
  };
  const Json known{{"cpu_seconds", 1.5}, {"peak_gpu_memory_bytes", 7}, {"mean_gpu_utilization", 0.0}};
  *message.mutable_attempt_finished()->mutable_attempt() = to_proto(kAttempt);
  fill(*message.mutable_attempt_finished()->mutable_usage());
  EXPECT_EQ(std::get<core::AttemptFinishedReport>(report_from_proto(message, kAgent).value()).usage, known);
  *message.mutable_allocation_released()->mutable_attempt() = to_proto(kAttempt);
  EXPECT_EQ(std::get<core::AllocationReleasedReport>(report_from_proto(message, kAgent).value()).usage, Json::object());
  fill(*message.mutable_allocation_released()->mutable_usage());
  EXPECT_EQ(std::get<core::AllocationReleasedReport>(report_from_proto(message, kAgent).value()).usage, known);
}

TEST(Convert, BrokenOutputsEndTheStepInsteadOfBeingRepeatedForEver) {
  v1::ConnectRequest message;
  *message.mutable_attempt_finished()->mutable_attempt() = to_proto(kAttempt);
  message.mutable_attempt_finished()->set_outcome(v1::OUTCOME_SUCCEEDED);
  message.mutable_attempt_finished()->set_outputs_json("{\"a\":");
  const Result<core::Input> input = report_from_proto(message, kAgent);
  ASSERT_TRUE(input);
  const auto& report = std::get<core::AttemptFinishedReport>(input.value());
  EXPECT_EQ(report.outcome, core::Outcome::kUserFailure);
  EXPECT_EQ(report.error_code, "bad_outputs");
}

TEST(Convert, AnUnknownOutcomeCountsAsInfrastructureFailure) {
  v1::ConnectRequest message;
  *message.mutable_attempt_finished()->mutable_attempt() = to_proto(kAttempt);
  const Result<core::Input> input = report_from_proto(message, kAgent);
  ASSERT_TRUE(input);
  EXPECT_EQ(std::get<core::AttemptFinishedReport>(input.value()).outcome, core::Outcome::kInfrastructureFailure);
}

TEST(Convert, CheckpointKeepsItsDigestsAndMetrics) {
  v1::ConnectRequest message;
  v1::CheckpointOffered& offered = *message.mutable_checkpoint_offered();
  *offered.mutable_attempt() = to_proto(kAttempt);
  offered.set_step(80);
  offered.set_artifact("sha256:1");
  offered.set_model_artifact("sha256:2");
  offered.set_model_kind("adapter");
  offered.set_metrics_json(R"({"train_loss":0.5})");
  const Result<core::Input> input = report_from_proto(message, kAgent);
  ASSERT_TRUE(input);
  const auto& report = std::get<core::CheckpointOfferedReport>(input.value());
  EXPECT_EQ(report.checkpoint, (core::Checkpoint{80, "sha256:1", "sha256:2", "adapter", Json{{"train_loss", 0.5}}}));
}

TEST(Convert, HeartbeatIsNoReport) {
  v1::ConnectRequest message;
  message.mutable_heartbeat()->set_sequence(1);
  EXPECT_FALSE(report_from_proto(message, kAgent));
}

}  // namespace
}  // namespace luthier::fleet
