// Cordons, drains, preemption, labels, silence and forgetting: what people want of agents, as whole effect lists.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DrainsTest : public MachineFixture {
 protected:
  void run_one() {
    connect("a-1");
    submit({agent_step("one")});
    start("one");
    connect("a-2");
  }
  Lines cordon(const std::string& agent, bool cordoned = true) {
    return feed(CordonAgent{.request = 9, .agent = agent, .cordoned = cordoned, .by = "admin"});
  }
  Lines drain(const std::string& agent, std::int64_t deadline_ms = 0) {
    return feed(DrainAgent{.request = 9, .agent = agent, .deadline = milliseconds(deadline_ms), .by = "admin"});
  }
  Lines forget(const std::string& agent) { return feed(ForgetAgent{.request = 9, .agent = agent, .by = "admin"}); }
};

TEST_F(DrainsTest, ACordonedAgentIsGivenNoWorkUntilItIsUncordoned) {
  connect("a-1");
  EXPECT_THAT(cordon("a-1"), ElementsAre("journal agent_cordoned a-1", "reply 9 ok"));
  EXPECT_THAT(cordon("a-1"), ElementsAre("reply 9 ok"));  // said again
  EXPECT_THAT(submit({agent_step("one")}), Not(Contains("send a-1 start r-1/one/1")));
  EXPECT_EQ(reason("one"), "waits for an agent: a-1 is cordoned");
  EXPECT_THAT(connect("a-1", 0, {}, "boot-2"), Not(Contains("send a-1 start r-1/one/1")));  // it outlives a restart
  EXPECT_THAT(cordon("node a-1", false), Contains("send a-1 start r-1/one/1"));             // by its name
}

TEST_F(DrainsTest, AnAgentIsNamedByIdOrByANameThatOnlyOneHas) {
  connect("a-1");
  EXPECT_THAT(cordon("a-7"), ElementsAre("reply 9 error"));
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kNotFound);
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("`luthier agents` lists them"));
  feed(AgentConnected{AgentId{"a-2"}, "node a-1", "boot-1", {.cpus = 1}, {}});
  EXPECT_THAT(cordon("node a-1"), ElementsAre("reply 9 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("2 agents are named 'node a-1'"));
}

TEST_F(DrainsTest, ADrainWithoutADeadlineWaitsForWhatRuns) {
  run_one();
  EXPECT_THAT(drain("a-1"), ElementsAre("journal agent_draining a-1", "reply 9 ok"));
  EXPECT_EQ(last<Reply>().value.at("attempts"), 1);
  advance(100'000'000);
  EXPECT_THAT(feed(Tick{}), IsEmpty());
  EXPECT_THAT(finish("one"), Contains("journal step_succeeded one"));
  EXPECT_THAT(release("one"),
              ElementsAre("journal allocation_released r-1/one/1", "send a-1 acknowledge released r-1/one/1",
                          "journal agent_drained a-1", "publish agent.drained "));
  EXPECT_TRUE(state_.agents.at(AgentId{"a-1"}).drained);
}

TEST_F(DrainsTest, AtTheDeadlineWhatRunsIsMovedWithoutCostToTheOtherBudgets) {
  run_one();
  offer("one", 10);
  EXPECT_THAT(drain("a-1", 60'000), ElementsAre("journal agent_draining a-1", "reply 9 ok", "wake 60000"));
  advance(60'000);
  EXPECT_THAT(feed(Tick{}), ElementsAre("journal attempt_preempted r-1/one/1", "send a-1 stop r-1/one/1 preempted"));
  EXPECT_THAT(feed(Tick{}), IsEmpty());  // asked once
  EXPECT_THAT(reason("one"), HasSubstr("it is being stopped, to go on on another agent"));
  EXPECT_THAT(connect("a-1", 0, {{attempt("one"), HeldState::kRunning}}),
              ElementsAre("send a-1 stop r-1/one/1 preempted"));  // it may have missed it
  offer("one", 20);                                               // its last checkpoint still counts
  EXPECT_THAT(fail("one", Outcome::kStopped),
              ElementsAre("send a-1 acknowledge finished r-1/one/1", "journal attempt_ended r-1/one/1",
                          "journal step_retrying one", "publish step.retried one", "journal attempt_assigned r-1/one/2",
                          "send a-2 start r-1/one/2"));
  EXPECT_EQ(journaled<AttemptEnded>().outcome, Outcome::kPreempted);
  EXPECT_EQ(live("one").preemptions, 1);
  EXPECT_EQ(live("one").infrastructure_failures, 0);
  EXPECT_EQ(live("one").attempt.resume_step, 20);
  EXPECT_THAT(release("one"), Contains("publish agent.drained "));
}

TEST_F(DrainsTest, TooManyMovesEndTheStep) {
  plan::Step step = agent_step("one");
  step.retry.preemption = 0;
  connect("a-1");
  submit({step});
  start("one");
  drain("a-1", 1);
  advance(1);
  feed(Tick{});
  fail("one", Outcome::kStopped);
  EXPECT_EQ(journaled<StepFailed>().code, "preempted");
  EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("retry.preemption is 0"));
}

TEST_F(DrainsTest, AStepThatSucceedsWhileItIsAskedToStopHasSucceeded) {
  run_one();
  drain("a-1", 1);
  advance(1);
  feed(Tick{});
  EXPECT_THAT(finish("one"), Contains("journal step_succeeded one"));
}

TEST_F(DrainsTest, AnAgentThatEndsDrainsItselfAndIsBackInUseWithItsNextStart) {
  run_one();
  EXPECT_THAT(feed(AgentDrainsItself{AgentId{"a-1"}, milliseconds{0}}), ElementsAre("journal agent_draining a-1"));
  EXPECT_THAT(feed(AgentDrainsItself{AgentId{"a-1"}, milliseconds{0}}), IsEmpty());
  EXPECT_THAT(connect("a-1", 0, {{attempt("one"), HeldState::kRunning}}), ElementsAre("journal agent_cordoned a-1"));
  EXPECT_FALSE(state_.agents.at(AgentId{"a-1"}).draining);
}

TEST_F(DrainsTest, AServedModelMovesAtOnce) {
  connect("a-1");
  feed(RegisterModel{.request = 1, .model = "m", .weights = {.base = "b"}, .lineage = {}, .description = {}});
  feed(UseModel{.request = 2, .model = "m"});
  const Lines lines = drain("a-1");
  EXPECT_THAT(lines, Contains("send a-1 stop d-1/serve/1 preempted"));
}

TEST_F(DrainsTest, AStepGoesToAnAgentWithItsLabelsOnly) {
  connect("a-1");
  plan::Step step = agent_step("one");
  step.resources.labels = {{"gpu", "a100"}};
  submit({step, agent_step("two")});
  EXPECT_EQ(live("two").status, StepStatus::kAssigned);
  EXPECT_EQ(reason("one"), "waits for an agent: a-1 is without the label gpu=a100");
  EXPECT_THAT(
      feed(AgentConnected{AgentId{"a-2"}, "two", "boot-1", {.cpus = 2, .memory_bytes = 1}, {}, {{"gpu", "h100"}}}),
      Not(Contains("send a-2 start r-1/one/1")));
  EXPECT_THAT(
      feed(AgentConnected{AgentId{"a-3"}, "three", "boot-1", {.cpus = 2}, {}, {{"gpu", "a100"}, {"zone", "b"}}}),
      Contains("send a-3 start r-1/one/1"));
}

TEST_F(DrainsTest, OnlyALostAgentIsForgottenAndTakesItsPromisesAlong) {
  run_one();
  EXPECT_THAT(forget("a-1"), ElementsAre("reply 9 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("is not lost"));
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  EXPECT_THAT(forget("a-1"),
              ElementsAre("journal allocation_released r-1/one/1", "journal agent_forgotten a-1", "reply 9 ok"));
  EXPECT_FALSE(state_.agents.contains(AgentId{"a-1"}));
}

TEST_F(DrainsTest, ASilentProcessShowsInTheReasonUntilItSpeaks) {
  run_one();
  const auto say = [&](std::int64_t ms) { return feed(AttemptSilentReport{attempt("one"), AgentId{"a-1"}, ms}); };
  EXPECT_THAT(say(60'000), ElementsAre("journal attempt_silent r-1/one/1"));
  EXPECT_THAT(say(90'000), IsEmpty());  // known
  EXPECT_THAT(reason("one"), HasSubstr("its process has said nothing since"));
  EXPECT_THAT(say(0), ElementsAre("journal attempt_silent r-1/one/1"));
  EXPECT_EQ(reason("one"), "runs on a-1, attempt 1");
  EXPECT_THAT(feed(AttemptSilentReport{attempt("one"), AgentId{"a-2"}, 1}), IsEmpty());  // not its agent
}

TEST_F(DrainsTest, UsageIsKeptWithTheAttempt) {
  run_one();
  feed(AttemptFinishedReport{
      .attempt = attempt("one"), .agent = AgentId{"a-1"}, .usage = {{"cpu_seconds", 1.5}, {"peak_memory_bytes", 7}}});
  EXPECT_EQ(journaled<AttemptEnded>().usage, (Json{{"cpu_seconds", 1.5}, {"peak_memory_bytes", 7}}));
}

TEST_F(DrainsTest, UsageOfACancelledAttemptIsKeptWhenItsProcessIsDead) {
  run_one();
  feed(CancelRun{1, RunId{"r-1"}, "ann"});
  const Json usage{{"cpu_seconds", 1.5}};
  EXPECT_THAT(feed(AllocationReleasedReport{attempt("one"), AgentId{"a-1"}, usage}),
              ElementsAre("journal allocation_released r-1/one/1", "send a-1 acknowledge released r-1/one/1"));
  EXPECT_EQ(journaled<AllocationReleased>().usage, usage);
}

TEST_F(DrainsTest, CrashesOnTheSameAgentAreInfrastructureLossAndNotTheCrashLimit) {
  connect("a-1");
  submit({agent_step("one")});
  for (int number = 1; number <= 4; ++number) {
    start("one", number);
    feed(AttemptFinishedReport{.attempt = attempt("one", number),
                               .agent = AgentId{"a-1"},
                               .outcome = Outcome::kInfrastructureFailure,
                               .error_code = "killed",
                               .error_message = "killed"});
    release("one", number);
    advance(120'000);
    feed(Tick{});
  }
  EXPECT_EQ(live("one").infrastructure_failures, 4);
  EXPECT_EQ(live("one").crashed_on.size(), 1U);
  EXPECT_EQ(live("one").attempt_number, 5);
}

}  // namespace
}  // namespace luthier::core::testing
