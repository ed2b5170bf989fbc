// The life of steps, by the numbered edges of controller/core/state.h.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StepsTest : public MachineFixture {};

TEST_F(StepsTest, Edges1And4SubmittingPlacesTheFirstStepAtOnce) {
  connect("a-1");
  EXPECT_THAT(submit({agent_step("one"), agent_step("two", "run", {"one"})}),
              ElementsAre("journal run_submitted r-1", "publish run.queued ", "reply 7 ok", "journal step_ready one",
                          "journal attempt_assigned r-1/one/1", "send a-1 start r-1/one/1"));
  EXPECT_EQ(live("two").status, StepStatus::kWaiting);
  EXPECT_EQ(reason("two"), "waits for one");
  EXPECT_EQ(reason("one"), "was given to a-1, which prepares its inputs");
}

TEST_F(StepsTest, Edge5TheFirstStartStartsTheRun) {
  connect("a-1");
  submit({agent_step("one")});
  EXPECT_THAT(start("one"), ElementsAre("publish run.started ", "journal attempt_started r-1/one/1",
                                        "publish step.started one", "send a-1 acknowledge started r-1/one/1"));
  EXPECT_THAT(start("one"), ElementsAre("send a-1 acknowledge started r-1/one/1"));  // repeated: nothing new
  EXPECT_EQ(reason("one"), "runs on a-1, attempt 1");
}

TEST_F(StepsTest, Edge7SuccessMakesTheNextStepReadyWithItsInputs) {
  connect("a-1");
  plan::Step second = agent_step("two", "run", {"one"});
  second.with = {{"command", "use ${{ steps.one.outputs.value }}"}};
  submit({agent_step("one"), second});
  start("one");
  EXPECT_THAT(finish("one", {{"value", 7}}),
              ElementsAre("send a-1 acknowledge finished r-1/one/1", "journal attempt_ended r-1/one/1",
                          "journal step_succeeded one", "publish step.succeeded one", "journal step_ready two",
                          "journal attempt_assigned r-1/two/1", "send a-1 start r-1/two/1"));
  EXPECT_EQ(std::get<StartAttempt>(last<SendToAgent>().command).with["command"], "use 7");
}

TEST_F(StepsTest, TheRunEndsWithItsLastStepAndLeavesTheState) {
  connect("a-1");
  submit({agent_step("one")});
  start("one");
  EXPECT_THAT(finish("one"), ElementsAre("send a-1 acknowledge finished r-1/one/1", "journal attempt_ended r-1/one/1",
                                         "journal step_succeeded one", "publish step.succeeded one",
                                         "journal run_finished r-1", "publish run.succeeded "));
  EXPECT_THAT(state_.runs, IsEmpty());
  EXPECT_EQ(state_.allocations.size(), 1U);  // until the process is dead
  EXPECT_THAT(release("one"),
              ElementsAre("journal allocation_released r-1/one/1", "send a-1 acknowledge released r-1/one/1"));
  EXPECT_THAT(release("one"), ElementsAre("send a-1 acknowledge released r-1/one/1"));
}

TEST_F(StepsTest, Edge2AStepWhoseNeedFailedIsSkippedAndTheRestGoesOn) {
  connect("a-1");
  plan::Step always = agent_step("always", "run", {"one"});
  always.condition = "steps.one.status == 'failed'";
  submit({agent_step("one"), agent_step("two", "run", {"one"}), always});
  start("one");
  fail("one", Outcome::kUserFailure);
  EXPECT_EQ(live("two").status, StepStatus::kSkipped);
  EXPECT_EQ(live("two").reason, "skipped: one failed");
  EXPECT_EQ(live("always").status, StepStatus::kAssigned);
  start("always");
  finish("always");
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kFailed);
  EXPECT_EQ(last<Publish>().payload["message"], "it broke");
}

TEST_F(StepsTest, Edge2AFalseConditionSkips) {
  connect("a-1");
  plan::Step second = agent_step("two", "run", {"one"});
  second.condition = "steps.one.outputs.go";
  submit({agent_step("one"), second, agent_step("three", "run", {"two"})});
  finish("one", {{"go", false}});
  EXPECT_EQ(journaled<StepSkipped>().reason, "skipped: two was skipped");
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kSucceeded);
}

TEST_F(StepsTest, Edge3AnExpressionThatCannotBeEvaluatedFailsTheStep) {
  connect("a-1");
  plan::Step second = agent_step("two", "run", {"one"});
  second.with = {{"command", "${{ steps.one.outputs.missing.deeper }}"}};
  plan::Step third = agent_step("three", "run", {"one"});
  third.condition = "steps.one.outputs.value";
  submit({agent_step("one"), second, third});
  finish("one", {{"value", 3}});
  EXPECT_EQ(journaled<StepFailed>().code, "expression");
  EXPECT_THAT(journaled<StepFailed>().message,
              HasSubstr("step three, `if: steps.one.outputs.value`: expected true or false, got the number 3"));
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kFailed);
}

TEST_F(StepsTest, Edge3AValueOfTheWrongTypeFailsTheStepAndNamesItsKey) {
  connect("a-1");
  plan::Step train = agent_step("train", "train", {"one"});
  train.with = {{"model", model_json("x")}, {"method", {{"supervised", {{"n_epochs", "${{ steps.one.outputs.n }}"}}}}}};
  submit({agent_step("one"), train});
  finish("one", {{"n", "many"}});
  EXPECT_EQ(journaled<StepFailed>().message,
            "step train: `with.method.supervised.n_epochs`: expected an integer or auto, got the text 'many'");
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kFailed);
}

TEST_F(StepsTest, Edge3AMissingModelFailsTheStepWithASuggestion) {
  connect("a-1");
  feed(RegisterModel{.request = 1, .model = "tiny-llama", .weights = {.base = "b"}});
  plan::Step train = agent_step("train", "train");
  train.with = {{"model", "tiny-lama"}};
  submit({train});
  EXPECT_EQ(journaled<StepFailed>().code, "model_not_found");
  EXPECT_EQ(journaled<StepFailed>().message, "`with.model`: there is no model 'tiny-lama', did you mean 'tiny-llama'?");
}

TEST_F(StepsTest, AModelNameBecomesDigestsAndAMissingBaselineBecomesNull) {
  connect("a-1");
  feed(RegisterModel{.request = 1, .model = "tiny-llama", .weights = {.base = "b", .adapter = "x"}});
  plan::Step eval = agent_step("eval", "eval");
  eval.with = {{"model", "tiny-llama"}, {"baseline", "alias:production"}};
  submit({eval});
  const Json with = std::get<StartAttempt>(last<SendToAgent>().command).with;
  EXPECT_EQ(with["model"]["base"], artifact_json("b", "model"));
  EXPECT_EQ(with["model"]["adapter"], artifact_json("x", "adapter"));
  EXPECT_EQ(with["model"]["version"], 1);
  EXPECT_TRUE(with["baseline"].is_null());
}

TEST_F(StepsTest, Edge6AndEdge8UserFailuresHaveTheirOwnBudget) {
  connect("a-1");
  plan::Step step = agent_step("one");
  step.retry = {.infrastructure = 0, .user = 1, .backoff_min = milliseconds{1000}, .backoff_max = milliseconds{1000}};
  submit({step});
  start("one");
  const Lines lines = fail("one", Outcome::kUserFailure);
  EXPECT_THAT(Lines(lines.begin(), lines.begin() + 4),
              ElementsAre("send a-1 acknowledge finished r-1/one/1", "journal attempt_ended r-1/one/1",
                          "journal step_retrying one", "publish step.retried one"));
  const std::int64_t pause = live("one").not_before_wall_ms - now_.wall_ms;
  EXPECT_GE(pause, 500);
  EXPECT_LE(pause, 1000);
  EXPECT_EQ(last<WakeAt>().wall_ms, live("one").not_before_wall_ms);
  EXPECT_EQ(reason("one"), "tries again in 1 s, because it broke");
  release("one");
  advance(pause);
  EXPECT_THAT(feed(Tick{}), ElementsAre("journal attempt_assigned r-1/one/2", "send a-1 start r-1/one/2"));
  start("one", 2);
  fail("one", Outcome::kTimedOut, 2);  // counts as the step's own
  EXPECT_EQ(journaled<RunFinished>().status, RunStatus::kFailed);
}

TEST_F(StepsTest, Edge6TheFirstInfrastructureFailureIsRetriedAtOnce) {
  connect("a-1");
  submit({agent_step("one")});
  start("one");
  fail("one", Outcome::kInfrastructureFailure);
  EXPECT_EQ(live("one").attempt_number, 2);
  fail("one", Outcome::kStopped, 2);  // nobody asked for it
  EXPECT_EQ(live("one").infrastructure_failures, 2);
  EXPECT_EQ(live("one").status, StepStatus::kReady);
  EXPECT_GT(live("one").not_before_wall_ms, now_.wall_ms);
}

TEST_F(StepsTest, AWallClockSetBackDoesNotProlongAPause) {
  connect("a-1");
  plan::Step step = agent_step("one");
  step.retry.user = 1;
  submit({step});
  fail("one", Outcome::kUserFailure);
  release("one");
  now_.wall_ms -= 3'600'000;
  feed(Tick{});
  EXPECT_EQ(live("one").status, StepStatus::kAssigned);
}

TEST_F(StepsTest, Edge9CancelAnswersAtOnceAndResourcesWaitForTheProcess) {
  connect("a-1");
  submit({agent_step("one"), agent_step("two", "run", {"one"})});
  start("one");
  EXPECT_THAT(feed(CancelRun{.request = 9, .run = RunId{"r-1"}, .by = "me"}),
              ElementsAre("journal cancel_requested r-1", "reply 9 ok", "journal attempt_ended r-1/one/1",
                          "send a-1 stop r-1/one/1 cancelled", "journal step_cancelled one",
                          "journal step_cancelled two", "journal run_finished r-1", "publish run.cancelled "));
  EXPECT_EQ(state_.allocations.size(), 1U);
  EXPECT_THAT(finish("one"), ElementsAre("send a-1 acknowledge finished r-1/one/1"));  // too late
}

TEST_F(StepsTest, CancelOfWhatIsNotRunningSaysWhy) {
  connect("a-1");
  submit({agent_step("one")});
  finish("one");
  feed(CancelRun{.request = 9, .run = RunId{"r-1"}});
  EXPECT_EQ(last<Reply>().error,
            (Error{ErrorCode::kFailedPrecondition, "run 'r-1' has already ended; there is nothing to cancel"}));
  for (const char* unknown : {"r-2", "r-", "r-x", "x", "", "r-1x"}) {
    feed(CancelRun{.request = 9, .run = RunId{unknown}});
    EXPECT_EQ(last<Reply>().error.code, ErrorCode::kNotFound) << unknown;
  }
}

}  // namespace
}  // namespace luthier::core::testing
