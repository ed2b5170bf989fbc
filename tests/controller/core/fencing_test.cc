// What agents report, what of it counts, and what happens when they come and go.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FencingTest : public MachineFixture {
 protected:
  // r-1/one runs on a-1; a-2 is idle.
  void run_one() {
    connect("a-1");
    submit({agent_step("one", "train")});
    start("one");
    connect("a-2");
  }
  HeldAttempt held(const std::string& step, int number = 1, HeldState state = HeldState::kRunning) const {
    return {attempt(step, number), state};
  }
};

TEST_F(FencingTest, ALostAgentsStepGoesElsewhereFromTheNewestCheckpoint) {
  run_one();
  offer("one", 10);
  offer("one", 20);
  EXPECT_THAT(feed(AgentSilent{AgentId{"a-1"}, "silent for 10 s"}),
              ElementsAre("journal agent_lost a-1", "publish agent.lost ", "journal attempt_ended r-1/one/1",
                          "journal step_retrying one", "publish step.retried one", "journal attempt_assigned r-1/one/2",
                          "send a-2 start r-1/one/2"));
  const auto& command = std::get<StartAttempt>(last<SendToAgent>().command);
  EXPECT_EQ(command.resume_step, 20);
  EXPECT_EQ(command.resume_artifact, "c20");
  EXPECT_THAT(feed(AgentSilent{AgentId{"a-1"}, "again"}), IsEmpty());
}

TEST_F(FencingTest, WhatASupersededAttemptOffersIsRefusedAndAcknowledged) {
  run_one();
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  EXPECT_THAT(offer("one", 10),
              ElementsAre("send a-1 acknowledge checkpoint r-1/one/1", "send a-1 stop r-1/one/1 superseded"));
  EXPECT_THAT(start("one"),
              ElementsAre("send a-1 acknowledge started r-1/one/1", "send a-1 stop r-1/one/1 superseded"));
  EXPECT_THAT(finish("one", {{"late", true}}), ElementsAre("send a-1 acknowledge finished r-1/one/1"));
  EXPECT_EQ(live("one").attempt_number, 2);
  EXPECT_THAT(live("one").checkpoints, IsEmpty());
}

TEST_F(FencingTest, AnAttemptNumberAloneIsNotEnough) {
  run_one();
  // The right attempt, said by an agent that does not have it.
  EXPECT_THAT(finish("one", {}, 1, "a-2"), ElementsAre("send a-2 acknowledge finished r-1/one/1"));
  EXPECT_THAT(feed(AllocationReleasedReport{attempt("one"), AgentId{"a-2"}}),
              ElementsAre("send a-2 acknowledge released r-1/one/1"));
  EXPECT_EQ(live("one").status, StepStatus::kRunning);
  EXPECT_EQ(state_.allocations.size(), 1U);
}

TEST_F(FencingTest, AttemptsNobodyKnowsAreRefused) {
  connect("a-1");
  for (const AttemptId& unknown : {AttemptId{RunId{"r-9"}, StepId{"x"}, 1}, AttemptId{RunId{""}, StepId{""}, 0},
                                   AttemptId{RunId{"d-1"}, StepId{"serve"}, -5}}) {
    EXPECT_THAT(feed(AttemptStartedReport{unknown, AgentId{"a-1"}, 1}),
                ElementsAre("send a-1 acknowledge started " + to_string(unknown),
                            "send a-1 stop " + to_string(unknown) + " superseded"));
  }
}

TEST_F(FencingTest, CheckpointsOnlyGoForward) {
  run_one();
  EXPECT_THAT(offer("one", 20), ElementsAre("journal checkpoint_committed r-1/one/1", "publish checkpoint.created one",
                                            "send a-1 acknowledge checkpoint r-1/one/1"));
  EXPECT_THAT(offer("one", 20), ElementsAre("send a-1 acknowledge checkpoint r-1/one/1"));
  EXPECT_THAT(offer("one", 10), ElementsAre("send a-1 acknowledge checkpoint r-1/one/1"));
}

TEST_F(FencingTest, ATrainingsOutputsListTheCheckpointsOfAllItsAttempts) {
  connect("a-1");
  plan::Step train = agent_step("train", "train");
  train.with = {{"model", model_json("base")}};
  submit({train, controller_step("checkpoint", {"train"}, {{"from", "${{ steps.train.outputs.checkpoints }}"}}),
          agent_step("last", "run", {"checkpoint"})});
  offer("train", 10);
  fail("train", Outcome::kInfrastructureFailure);
  offer("train", 20, 2);
  finish("train", {{"steps", 20}}, 2);
  const Json outputs = live("train").outputs;
  ASSERT_EQ(outputs["checkpoints"].size(), 2U);
  EXPECT_EQ(outputs["checkpoints"][0]["step"], 10);
  EXPECT_EQ(outputs["checkpoints"][1]["model"], model_json("base", "c20w"));
  EXPECT_EQ(outputs["model"], model_json("base", "c20w"));
  EXPECT_EQ(outputs["steps"], 20);
  EXPECT_EQ(live("checkpoint").outputs["step"], 20);  // the least full_valid_loss
}

TEST_F(FencingTest, AReconnectWithTheAttemptKeepsIt) {
  run_one();
  EXPECT_THAT(connect("a-1", 0, {held("one")}), IsEmpty());
}

TEST_F(FencingTest, AStartThatNeverArrivedIsSentAgain) {
  connect("a-1");
  submit({agent_step("one")});
  EXPECT_THAT(connect("a-1"), ElementsAre("send a-1 start r-1/one/1"));
  EXPECT_THAT(connect("a-1", 0, {held("one", 1, HeldState::kPreparing)}), IsEmpty());
}

TEST_F(FencingTest, ARunningAttemptThatTheAgentNoLongerHasIsOver) {
  run_one();
  EXPECT_THAT(connect("a-1"), ElementsAre("journal attempt_ended r-1/one/1", "journal step_retrying one",
                                          "publish step.retried one", "journal allocation_released r-1/one/1",
                                          "journal attempt_assigned r-1/one/2", "send a-1 start r-1/one/2"));
  EXPECT_EQ(journaled<AttemptEnded>().error_code, "agent_restarted");
}

TEST_F(FencingTest, ARebootedAgentIsALostOne) {
  run_one();
  connect("a-1", 0, {}, "boot-2");
  EXPECT_EQ(journaled<AttemptEnded>().error_code, "agent_lost");
  EXPECT_EQ(live("one").crashed_on, std::vector<AgentId>{AgentId{"a-1"}});
}

// It may have run unreported before the reboot, and the controller may hold the beginning of its log.
TEST_F(FencingTest, ARebootedAgentIsNotGivenTheSameAttemptAgain) {
  connect("a-1");
  submit({agent_step("one")});
  EXPECT_THAT(connect("a-1"), ElementsAre("send a-1 start r-1/one/1"));
  EXPECT_THAT(connect("a-1", 0, {}, "boot-2"), ::testing::Contains("send a-1 start r-1/one/2"));
}

TEST_F(FencingTest, ResourcesOfALostAgentAreNotOnSaleUntilItSaysWhatItHolds) {
  connect("a-1", 1);
  plan::Step step = agent_step("one");
  step.resources.gpus = 1;
  submit({step});
  start("one");
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  EXPECT_EQ(live("one").status, StepStatus::kReady);
  // Back, with the old process still alive: told to stop it, and its GPU is still taken.
  EXPECT_THAT(connect("a-1", 1, {held("one")}), ElementsAre("journal agent_joined a-1", "publish agent.joined ",
                                                            "send a-1 stop r-1/one/1 superseded", "wake 10000"));
  EXPECT_THAT(reason("one"), HasSubstr("a-1 has 0 of 1 GPUs"));
  EXPECT_THAT(release("one"),
              ElementsAre("journal allocation_released r-1/one/1", "send a-1 acknowledge released r-1/one/1",
                          "journal attempt_assigned r-1/one/2", "send a-1 start r-1/one/2"));
}

TEST_F(FencingTest, AnUnknownHeldAttemptIsToldToStop) {
  connect("a-1");
  run_ = "r-77";
  EXPECT_THAT(connect("a-1", 0, {held("ghost", 3)}), ElementsAre("send a-1 stop r-77/ghost/3 unknown"));
}

TEST_F(FencingTest, AFinishedAttemptWhoseEndIsNotCommittedYetIsKept) {
  run_one();
  release("one");  // the process is dead, its outputs are still being uploaded
  EXPECT_THAT(connect("a-1", 0, {held("one", 1, HeldState::kFinished)}), IsEmpty());
  finish("one");
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kSucceeded);
}

TEST_F(FencingTest, AStepThatEndsItsAgentsIsStopped) {
  connect("a-1");
  submit({agent_step("one")});
  for (int number = 1; number <= 3; ++number) {
    const std::string agent = "a-" + std::to_string(number);
    start("one", number, agent);
    connect("a-" + std::to_string(number + 1));
    feed(AgentSilent{AgentId{agent}, "silent"});
    advance(60'000);
    feed(Tick{});
  }
  EXPECT_EQ(journaled<StepFailed>().code, "crash_limit");
  EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("its attempts died on 3 different agents (a-1, a-2, a-3)"));
}

TEST_F(FencingTest, AfterAControllerRestartNobodyIsLostAndNothingIsDisturbed) {
  run_one();
  EXPECT_THAT(feed(Boot{.epoch = 2, .seed = 43}), ElementsAre("journal controller_started"));
  EXPECT_EQ(state_.agents.at(AgentId{"a-1"}).status, AgentStatus::kUnconfirmed);
  EXPECT_EQ(reason("one"), "runs on a-1, which has not come back yet since the controller started");
  submit({agent_step("two")});
  EXPECT_THAT(reason("two"), HasSubstr("a-1 and a-2 are not connected"));
  run_ = "r-1";
  EXPECT_THAT(connect("a-1", 0, {held("one")}), Contains("journal agent_joined a-1"));
  EXPECT_EQ(live("one").attempt_number, 1);
  EXPECT_EQ(live("one").status, StepStatus::kRunning);
}

TEST_F(FencingTest, NumbersThatALostTailMayHaveGivenAreNotGivenAgain) {
  run_one();
  feed(Boot{.epoch = 2, .seed = 43, .numbers_lost = 7});
  EXPECT_EQ(live("one").attempt_number, 1) << "what is known goes on";
  EXPECT_THAT(connect("a-1", 0, {held("one")}), Contains("journal agent_joined a-1"));
  EXPECT_EQ(live("one").status, StepStatus::kRunning);
  fail("one", Outcome::kInfrastructureFailure);
  release("one");
  advance(60'000);
  feed(Tick{});
  EXPECT_EQ(live("one").attempt_number, 9);
  fail("one", Outcome::kInfrastructureFailure, 9);
  release("one", 9);
  advance(60'000);
  feed(Tick{});
  EXPECT_EQ(live("one").attempt_number, 10) << "skipped once";
  submit({agent_step("two")});
  EXPECT_TRUE(state_.runs.contains(RunId{"r-9"}));
}

// Of a run that the journal knows nothing of any more: its number names nothing else.
TEST_F(FencingTest, AnAgentThatHoldsWhatTheTailHadAssignedIsToldToStopIt) {
  run_one();
  feed(Boot{.epoch = 2, .seed = 43, .numbers_lost = 3});
  submit({agent_step("one")});
  const AttemptId lost{RunId{"r-2"}, StepId{"one"}, 1};
  EXPECT_THAT(connect("a-1", 0, {held("one"), {lost, HeldState::kRunning}}),
              Contains("send a-1 stop r-2/one/1 unknown"));
}

TEST_F(FencingTest, AReportThatOutranTheStartProvesIt) {
  connect("a-1");
  submit({agent_step("one", "train")});
  EXPECT_THAT(offer("one", 10),
              ElementsAre("publish run.started ", "journal attempt_started r-1/one/1", "publish step.started one",
                          "journal checkpoint_committed r-1/one/1", "publish checkpoint.created one",
                          "send a-1 acknowledge checkpoint r-1/one/1"));
  EXPECT_THAT(connect("a-1", 0, {held("one")}), Not(Contains("journal attempt_ended r-1/one/1")));
}

}  // namespace
}  // namespace luthier::core::testing
