// The agent's machine, by the numbered edges of agents/core/state.h. Tests compare whole effect lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/core.h"

namespace luthier::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Effects = std::vector<Effect>;

class AgentMachineTest : public ::testing::Test {
 protected:
  AgentMachineTest() { feed(Connected{}); }

  Effects feed(const Input& input) {
    Effects effects = step(state_, input, Now{0, now_ms_});
    std::erase_if(effects, [](const Effect& e) { return std::holds_alternative<WakeAt>(e); });
    return effects;
  }
  // With the wishes for a Tick.
  Effects feed_all(const Input& input) { return step(state_, input, Now{0, now_ms_}); }

  void assign() { feed(AssignmentReceived{assignment_}); }
  void run() {
    assign();
    feed(InputsReady{id_});
    feed(ShimStarted{id_, 77});
    feed(Acknowledged{id_, ReportKind::kStarted, 0});
  }
  void exit_well() { feed(ProcessExited{id_, {.has_result = true, .outputs = {{"x", 1}}}}); }
  static FinishedReport end(Outcome outcome, std::string code, std::string message, int exit_code = 0, int signal = 0) {
    return {.attempt = {RunId{"r-1"}, StepId{"train"}, 1},
            .outcome = outcome,
            .exit_code = exit_code,
            .signal = signal,
            .error_code = std::move(code),
            .error_message = std::move(message)};
  }

  const AttemptId id_{RunId{"r-1"}, StepId{"train"}, 1};
  Assignment assignment_{
      .attempt = id_, .uses = "train", .with = {{"a", 1}}, .gpus = {0}, .timeout = milliseconds{60'000}};
  State state_;
  std::int64_t now_ms_ = 1'000;
};

TEST_F(AgentMachineTest, Edges1To3AnAssignmentIsFetchedStartedAndReported) {
  EXPECT_EQ(feed(AssignmentReceived{assignment_}), (Effects{FetchInputs{assignment_}}));
  EXPECT_THAT(feed(AssignmentReceived{assignment_}), IsEmpty());  // repeated
  EXPECT_EQ(held_attempts(state_), (std::vector<HeldAttempt>{{id_, HeldState::kPreparing}}));
  EXPECT_EQ(feed(InputsReady{id_}), (Effects{StartShim{assignment_}}));
  EXPECT_EQ(feed_all(ShimStarted{id_, 77}),
            (Effects{SendReport{StartedReport{id_, 77}}, WakeAt{16'000}, WakeAt{61'000}}));
  EXPECT_EQ(held_attempts(state_), (std::vector<HeldAttempt>{{id_, HeldState::kRunning}}));
}

TEST_F(AgentMachineTest, Edge4InputsThatCannotBeFetchedEndTheAttempt) {
  assign();
  FinishedReport report = end(Outcome::kInfrastructureFailure, "disk_full", "no space", -1);
  EXPECT_EQ(feed(InputsFailed{id_, FailureClass::kInfrastructure, "disk_full", "no space"}),
            (Effects{SendReport{report}, SendReport{ReleasedReport{id_}}}));
  feed(Acknowledged{id_, ReportKind::kFinished, 0});
  EXPECT_EQ(feed(Acknowledged{id_, ReportKind::kReleased, 0}), (Effects{RemoveAttempt{id_}}));
  EXPECT_THAT(state_.attempts, IsEmpty());
}

TEST_F(AgentMachineTest, Edge4AShimThatCannotStartEndsTheAttempt) {
  assign();
  feed(InputsReady{id_});
  EXPECT_EQ(feed(ShimFailed{id_, "fork: EAGAIN"}),
            (Effects{SendReport{end(Outcome::kInfrastructureFailure, "start_failed", "fork: EAGAIN", -1)},
                     SendReport{ReleasedReport{id_}}}));
}

TEST_F(AgentMachineTest, Edges5To8SuccessUploadsFlushesReportsReleasesAndIsRemoved) {
  run();
  EXPECT_EQ(feed(ProcessExited{id_, {.has_result = true, .outputs = {{"x", 1}}}}),
            (Effects{FlushTelemetry{id_}, UploadOutputs{id_, {{"x", 1}}}}));
  EXPECT_EQ(feed(ProcessTreeGone{id_}), (Effects{SendReport{ReleasedReport{id_}}}));
  EXPECT_THAT(feed(OutputsUploaded{id_, {{"x", 2}}}), IsEmpty());  // the log is not complete yet
  FinishedReport report = end(Outcome::kSucceeded, "", "");
  report.outputs = {{"x", 2}};
  EXPECT_EQ(feed(TelemetryFlushed{id_}), (Effects{SendReport{report}}));
  EXPECT_EQ(held_attempts(state_), (std::vector<HeldAttempt>{{id_, HeldState::kFinished}}));
  EXPECT_THAT(feed(Acknowledged{id_, ReportKind::kReleased, 0}), IsEmpty());
  EXPECT_EQ(feed(Acknowledged{id_, ReportKind::kFinished, 0}), (Effects{RemoveAttempt{id_}}));
}

TEST_F(AgentMachineTest, Edge6AFailureIsReportedOnceTheLogIsComplete) {
  run();
  EXPECT_EQ(feed(ProcessExited{id_, {.exit_code = -1, .signal = 9}}), (Effects{FlushTelemetry{id_}}));
  EXPECT_EQ(feed(TelemetryFlushed{id_}), (Effects{SendReport{end(Outcome::kInfrastructureFailure, "killed",
                                                                 "the process was ended by signal 9", -1, 9)}}));
}

TEST_F(AgentMachineTest, Edge7OutputsThatCannotBeUploadedAreAnInfrastructureFailure) {
  run();
  exit_well();
  feed(TelemetryFlushed{id_});
  EXPECT_EQ(
      feed(OutputsUploadFailed{id_, FailureClass::kInfrastructure, "the controller's disk is full"}),
      (Effects{SendReport{end(Outcome::kInfrastructureFailure, "upload_failed", "the controller's disk is full")}}));
}

TEST_F(AgentMachineTest, CheckpointsAreUploadedOneAtATimeAndTheEndWaitsForThem) {
  run();
  EXPECT_EQ(feed(CheckpointSeen{id_, 10, "c10", {{"loss", 1}}}), (Effects{UploadCheckpoint{id_, 10, "c10"}}));
  EXPECT_THAT(feed(CheckpointSeen{id_, 10, "c10", {}}), IsEmpty());
  EXPECT_THAT(feed(CheckpointSeen{id_, 20, "c20", {}}), IsEmpty());  // waits for the first
  exit_well();
  feed(TelemetryFlushed{id_});
  EXPECT_THAT(feed(OutputsUploaded{id_, {}}), IsEmpty());
  const CheckpointReport first{id_, 10, "d10", "w10", "adapter", {{"loss", 1}}};
  EXPECT_EQ(feed(CheckpointUploaded{id_, 10, "d10", "w10", "adapter"}),
            (Effects{SendReport{first}, UploadCheckpoint{id_, 20, "c20"}}));
  EXPECT_THAT(feed(Acknowledged{id_, ReportKind::kCheckpoint, 10}), IsEmpty());
  FinishedReport report = end(Outcome::kSucceeded, "", "");
  report.outputs = Json();
  EXPECT_EQ(feed(CheckpointUploadFailed{id_, 20, "gone"}), (Effects{SendReport{report}}));
}

TEST_F(AgentMachineTest, TheTimeoutStopsAndThenKills) {
  run();
  now_ms_ = 60'999;
  EXPECT_THAT(feed(Tick{}), IsEmpty());
  now_ms_ = 61'000;
  EXPECT_EQ(feed_all(Tick{}), (Effects{StopProcess{id_, StopReason::kTimedOut, false}, WakeAt{71'000}}));
  now_ms_ = 70'999;
  EXPECT_THAT(feed(Tick{}), IsEmpty());
  now_ms_ = 71'000;
  EXPECT_EQ(feed(Tick{}), (Effects{StopProcess{id_, StopReason::kTimedOut, true}}));
  feed(ProcessExited{id_, {.exit_code = -1, .signal = 9}});
  EXPECT_EQ(feed(TelemetryFlushed{id_}),
            (Effects{SendReport{
                end(Outcome::kTimedOut, "timeout", "the step was stopped after its timeout of 60 s", -1, 9)}}));
  now_ms_ = 200'000;
  EXPECT_EQ(feed(Tick{}).size(), 1U);  // only the report, again
}

TEST_F(AgentMachineTest, AStopIsObeyedInEveryPhase) {
  assign();
  EXPECT_EQ(
      feed(StopReceived{id_, StopReason::kCancelled}),
      (Effects{SendReport{end(Outcome::kStopped, "stopped", "the step was stopped before its process was started", -1)},
               SendReport{ReleasedReport{id_}}}));
  EXPECT_THAT(feed(InputsReady{id_}), IsEmpty());  // too late: nothing may start

  state_ = State{};
  feed(Connected{});
  assign();
  feed(InputsReady{id_});
  EXPECT_THAT(feed(StopReceived{id_, StopReason::kCancelled}), IsEmpty());  // it may be starting right now
  EXPECT_EQ(feed(ShimStarted{id_, 77}),
            (Effects{SendReport{StartedReport{id_, 77}}, StopProcess{id_, StopReason::kCancelled, false}}));

  state_ = State{};
  feed(Connected{});
  run();
  EXPECT_EQ(feed(StopReceived{id_, StopReason::kCancelled}),
            (Effects{StopProcess{id_, StopReason::kCancelled, false}}));
  EXPECT_THAT(feed(StopReceived{id_, StopReason::kCancelled}), IsEmpty());  // repeated

  state_ = State{};
  feed(Connected{});
  run();
  exit_well();
  feed(TelemetryFlushed{id_});
  EXPECT_EQ(
      feed(StopReceived{id_, StopReason::kCancelled}),
      (Effects{SendReport{end(Outcome::kStopped, "stopped", "the step was stopped while its outputs were uploaded")}}));
}

TEST_F(AgentMachineTest, ARefusedAttemptOnlyStopsReleasesAndGoes) {
  run();
  feed(CheckpointSeen{id_, 10, "c10", {}});
  EXPECT_EQ(feed(StopReceived{id_, StopReason::kSuperseded}),
            (Effects{StopProcess{id_, StopReason::kSuperseded, false}}));
  EXPECT_THAT(feed(CheckpointUploaded{id_, 10, "d", "w", "adapter"}), IsEmpty());
  EXPECT_THAT(feed(CheckpointSeen{id_, 20, "c20", {}}), IsEmpty());
  EXPECT_THAT(feed(ProcessExited{id_, {.has_result = true}}), IsEmpty());
  EXPECT_EQ(feed(ProcessTreeGone{id_}), (Effects{SendReport{ReleasedReport{id_}}}));
  EXPECT_EQ(feed(Acknowledged{id_, ReportKind::kReleased, 0}), (Effects{RemoveAttempt{id_}}));
}

TEST_F(AgentMachineTest, AStopThatOvertakesItsStartKeepsItFromStarting) {
  EXPECT_EQ(feed(StopReceived{id_, StopReason::kCancelled}), (Effects{SendReport{ReleasedReport{id_}}}));
  EXPECT_THAT(feed(AssignmentReceived{assignment_}), IsEmpty());
  EXPECT_THAT(state_.attempts, IsEmpty());
}

TEST_F(AgentMachineTest, ALateCommandCannotBringARemovedAttemptBack) {
  assign();
  feed(StopReceived{id_, StopReason::kCancelled});
  feed(Acknowledged{id_, ReportKind::kFinished, 0});
  feed(Acknowledged{id_, ReportKind::kReleased, 0});
  EXPECT_THAT(feed(AssignmentReceived{assignment_}), IsEmpty());
}

TEST_F(AgentMachineTest, RemovedAttemptsAreRememberedUpToABound) {
  state_.options.forgotten_max = 3;
  for (int number = 1; number <= 10; ++number) {
    feed(StopReceived{{RunId{"r"}, StepId{"s"}, number}, StopReason::kCancelled});
  }
  EXPECT_EQ(state_.forgotten.size(), 3U);
  EXPECT_EQ(state_.forgotten_order.size(), 3U);
}

TEST_F(AgentMachineTest, ReportsAreKeptAndRepeatedAfterAReconnectInOrder) {
  feed(Disconnected{});
  assign();
  feed(InputsReady{id_});
  EXPECT_THAT(feed(ShimStarted{id_, 77}), IsEmpty());
  feed(ProcessReady{id_});
  feed(CheckpointSeen{id_, 10, "c10", {}});
  EXPECT_THAT(feed(CheckpointUploaded{id_, 10, "d", "w", "adapter"}), IsEmpty());
  const CheckpointReport checkpoint{id_, 10, "d", "w", "adapter", {}};
  const Effects all{SendReport{StartedReport{id_, 77}}, SendReport{ReadyReport{id_}}, SendReport{checkpoint}};
  EXPECT_EQ(feed(Connected{}), all);
  feed(Disconnected{});
  EXPECT_EQ(feed(Connected{}), all);
  feed(Acknowledged{id_, ReportKind::kStarted, 0});
  feed(Acknowledged{id_, ReportKind::kCheckpoint, 10});
  EXPECT_EQ(feed(Connected{}), (Effects{SendReport{ReadyReport{id_}}}));
}

TEST_F(AgentMachineTest, ReportsThatNobodyAcknowledgesAreRepeatedOnALiveConnectionToo) {
  assign();
  feed(InputsReady{id_});
  feed(ShimStarted{id_, 77});
  now_ms_ += 15'000;
  EXPECT_EQ(feed_all(Tick{}), (Effects{SendReport{StartedReport{id_, 77}}, WakeAt{31'000}}));
  feed(Acknowledged{id_, ReportKind::kStarted, 0});
  now_ms_ += 15'000;
  EXPECT_THAT(feed_all(Tick{}), IsEmpty());
}

TEST_F(AgentMachineTest, ARestartedAgentTakesUpWhatItFinds) {
  struct Case {
    RecoveredAttempt found;
    Effects first;
    HeldState held;
  };
  const std::vector<Case> cases{
      {{.assignment = assignment_}, {FetchInputs{assignment_}}, HeldState::kPreparing},
      {{.assignment = assignment_, .found = Recovered::kRunning, .pid = 77}, {}, HeldState::kRunning},
      {{.assignment = assignment_, .found = Recovered::kRunning, .pid = 77, .stopping = StopReason::kTimedOut},
       {StopProcess{id_, StopReason::kTimedOut, false}},
       HeldState::kRunning},
      {{.assignment = assignment_, .found = Recovered::kExited, .pid = 77, .exit = {.has_result = true}},
       {FlushTelemetry{id_}, UploadOutputs{id_, Json::object()}},
       HeldState::kFinished},
      {{.assignment = assignment_, .found = Recovered::kExited, .pid = 77, .exit = {.recorded = false}},
       {FlushTelemetry{id_}},
       HeldState::kFinished},
  };
  for (const Case& each : cases) {
    state_ = State{};
    EXPECT_EQ(feed(each.found), each.first);
    EXPECT_EQ(held_attempts(state_), (std::vector<HeldAttempt>{{id_, each.held}}));
  }
}

TEST_F(AgentMachineTest, ARecoveredProcessKeepsWhatIsLeftOfItsTimeout) {
  state_ = State{};
  feed(RecoveredAttempt{
      .assignment = assignment_, .found = Recovered::kRunning, .pid = 77, .elapsed = milliseconds{50'000}});
  now_ms_ += 9'999;
  EXPECT_THAT(feed(Tick{}), IsEmpty());
  now_ms_ += 1;
  EXPECT_EQ(feed(Tick{}), (Effects{StopProcess{id_, StopReason::kTimedOut, false}}));
}

TEST_F(AgentMachineTest, ARecoveredExitOffersItsCheckpointsBeforeItsEnd) {
  state_ = State{};
  feed(RecoveredAttempt{
      .assignment = assignment_, .found = Recovered::kExited, .pid = 77, .exit = {.exit_code = -1, .signal = 9}});
  EXPECT_EQ(feed(CheckpointSeen{id_, 10, "c10", {}}), (Effects{UploadCheckpoint{id_, 10, "c10"}}));
  feed(ProcessTreeGone{id_});
  feed(Connected{});
  EXPECT_THAT(feed(TelemetryFlushed{id_}), IsEmpty());
  feed(CheckpointUploaded{id_, 10, "d", "w", "adapter"});
  EXPECT_EQ(feed(Acknowledged{id_, ReportKind::kCheckpoint, 10}).size(), 1U);  // Finished
}

TEST_F(AgentMachineTest, AnswersForAttemptsThatAreGoneAreIgnored) {
  const AttemptId gone{RunId{"r-9"}, StepId{"x"}, 1};
  const std::vector<Input> answers{InputsReady{gone},
                                   InputsFailed{gone, FailureClass::kUser, "", ""},
                                   ShimStarted{gone, 1},
                                   ShimFailed{gone, ""},
                                   ProcessReady{gone},
                                   CheckpointSeen{gone, 1, "", {}},
                                   CheckpointUploaded{gone, 1, "", "", ""},
                                   CheckpointUploadFailed{gone, 1, ""},
                                   ProcessExited{gone, {}},
                                   ProcessTreeGone{gone},
                                   OutputsUploaded{gone, {}},
                                   OutputsUploadFailed{gone, FailureClass::kUser, ""},
                                   TelemetryFlushed{gone},
                                   Acknowledged{gone, ReportKind::kFinished, 0}};
  for (const Input& answer : answers) {
    EXPECT_THAT(feed(answer), IsEmpty()) << answer.index();
  }
}

TEST_F(AgentMachineTest, AnExclusiveStepStartsUnderALeaseAndIsToldOfEveryRenewal) {
  assignment_.exclusive = true;
  EXPECT_THAT(feed(LeaseRenewed{{7'000, 9'500}}), IsEmpty());
  assign();
  EXPECT_EQ(feed(InputsReady{id_}), (Effects{StartShim{assignment_, {7'000, 9'500}}}));
  feed(ShimStarted{id_, 77});
  EXPECT_EQ(feed(LeaseRenewed{{8'000, 10'500}}), (Effects{RenewLease{id_, {8'000, 10'500}}}));
  EXPECT_THAT(feed(LeaseRenewed{{8'000, 10'500}}), IsEmpty());  // no step back, no repetition
}

TEST_F(AgentMachineTest, AnExclusiveStepDoesNotStartWhenItsLeaseIsOver) {
  assignment_.exclusive = true;
  feed(LeaseRenewed{{7'000, 9'500}});
  assign();
  now_ms_ = 7'000;
  const Effects effects = feed(InputsReady{id_});
  ASSERT_EQ(effects.size(), 2U);
  const auto& report = std::get<FinishedReport>(std::get<SendReport>(effects[0]).report);
  EXPECT_EQ(report.outcome, Outcome::kInfrastructureFailure);
  EXPECT_EQ(report.error_code, "lease_expired");
}

TEST_F(AgentMachineTest, OtherStepsKnowNoLease) {
  run();
  EXPECT_THAT(feed(LeaseRenewed{{7'000, 9'500}}), IsEmpty());
}

TEST_F(AgentMachineTest, ASilentProcessIsReportedAndAHungOneIsStopped) {
  state_.options.hang_timeout = milliseconds{120'000};
  run();
  EXPECT_EQ(feed(ProcessSilent{id_, 60'000}), (Effects{SendReport{SilentReport{id_, 60'000}}}));
  EXPECT_EQ(feed(ProcessSilent{id_, 0}), (Effects{SendReport{SilentReport{id_, 0}}}));
  EXPECT_EQ(feed(ProcessSilent{id_, 120'000}),
            (Effects{SendReport{SilentReport{id_, 120'000}}, StopProcess{id_, StopReason::kHung, false}}));
  const Effects effects = feed(ProcessExited{id_, {.exit_code = -1, .signal = 9}});
  EXPECT_EQ(effects, (Effects{FlushTelemetry{id_}}));
  const Effects ended = feed(TelemetryFlushed{id_});
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(std::get<FinishedReport>(std::get<SendReport>(ended[0]).report).error_code, "hung");
}

TEST_F(AgentMachineTest, AProcessThatLivesButDoesNotGoOnIsEnded) {
  run();
  EXPECT_EQ(feed(ProcessStalled{id_}), (Effects{StopProcess{id_, StopReason::kStalled, false}}));
  EXPECT_THAT(feed(ProcessStalled{id_}), IsEmpty());
  feed(ProcessExited{id_, {.exit_code = 0, .signal = 0}});
  const Effects ended = feed(TelemetryFlushed{id_});
  ASSERT_EQ(ended.size(), 1U);
  const auto& report = std::get<FinishedReport>(std::get<SendReport>(ended[0]).report);
  EXPECT_EQ(report.error_code, "stalled");
  EXPECT_EQ(report.outcome, Outcome::kInfrastructureFailure);
}

TEST_F(AgentMachineTest, SilenceIsToldAgainAfterAReconnect) {
  run();
  feed(ProcessSilent{id_, 60'000});
  feed(Disconnected{});
  EXPECT_EQ(feed(Connected{}), (Effects{SendReport{SilentReport{id_, 60'000}}}));
}

TEST_F(AgentMachineTest, UsageGoesIntoTheReportOfTheEnd) {
  run();
  feed(ProcessExited{id_, {.exit_code = 1, .usage = {.cpu_ms = 5, .peak_memory_bytes = 6}}});
  const Effects ended = feed(TelemetryFlushed{id_});
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(std::get<FinishedReport>(std::get<SendReport>(ended[0]).report).usage,
            (Usage{.cpu_ms = 5, .peak_memory_bytes = 6}));
}

TEST_F(AgentMachineTest, UsageOfASupersededAttemptGoesWithItsRelease) {
  run();
  feed(StopReceived{id_, StopReason::kSuperseded});
  const Usage usage{.cpu_ms = 5, .gpu_ms = 9, .peak_gpu_memory_bytes = 6, .mean_gpu_utilization = 0.5};
  feed(ProcessExited{id_, {.exit_code = -1, .signal = 15, .usage = usage}});
  EXPECT_EQ(feed(ProcessTreeGone{id_}), (Effects{SendReport{ReleasedReport{id_, usage}}}));
}

TEST_F(AgentMachineTest, UsageOfAnAttemptStoppedWhileItUploadsIsKept) {
  run();
  feed(ProcessExited{id_, {.has_result = true, .usage = {.cpu_ms = 5}}});
  feed(StopReceived{id_, StopReason::kCancelled});
  const Effects ended = feed(TelemetryFlushed{id_});
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(std::get<FinishedReport>(std::get<SendReport>(ended[0]).report).usage, (Usage{.cpu_ms = 5}));
}

}  // namespace
}  // namespace luthier::agents
