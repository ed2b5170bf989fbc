// The checkers themselves: each must see the breakage that it is for.
#include "controller/core/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class InvariantsTest : public ::testing::Test {
 protected:
  InvariantsTest() {
    plan::Plan plan;
    plan.steps.push_back({.id = StepId{"one"}});
    plan.steps.push_back({.id = StepId{"two"}});
    see(RunSubmitted{.run = run_, .plan = plan});
  }
  void see(const Event& event) { checker_.on_event(event); }
  AttemptId attempt(int number, const std::string& step = "one") const { return {run_, StepId{step}, number}; }
  void assign(int number, std::vector<int> gpus = {}, std::int64_t resume = 0, const std::string& step = "one") {
    see(AttemptAssigned{.attempt = attempt(number, step),
                        .allocation = {.agent = AgentId{"a-1"}, .gpus = std::move(gpus)},
                        .resume_step = resume});
  }
  void expect(const std::string& message) { EXPECT_THAT(checker_.violations(), ElementsAre(HasSubstr(message))); }

  const RunId run_{"r-1"};
  InvariantChecker checker_;
};

TEST_F(InvariantsTest, ACleanHistoryIsClean) {
  assign(1, {0});
  see(CheckpointCommitted{attempt(1), {.step = 10}});
  see(AttemptEnded{.attempt = attempt(1), .outcome = Outcome::kInfrastructureFailure});
  see(AllocationReleased{attempt(1)});
  assign(2, {0}, 10);
  see(AttemptEnded{.attempt = attempt(2)});
  see(StepSucceeded{.run = run_, .step = StepId{"one"}});
  see(StepSkipped{.run = run_, .step = StepId{"two"}});
  see(RunFinished{run_, RunStatus::kSucceeded});
  EXPECT_THAT(checker_.violations(), IsEmpty());
}

TEST_F(InvariantsTest, Invariant1TwoTerminalStates) {
  see(StepSkipped{.run = run_, .step = StepId{"one"}});
  see(StepSucceeded{.run = run_, .step = StepId{"one"}});
  expect("invariant 1: r-1/one succeeded after its terminal state");
}

TEST_F(InvariantsTest, Invariant1ARunThatEndsWithAnOpenStep) {
  see(StepSkipped{.run = run_, .step = StepId{"one"}});
  see(RunFinished{run_, RunStatus::kSucceeded});
  expect("invariant 1: r-1/two has no terminal state");
}

TEST_F(InvariantsTest, Invariant2ASupersededAttemptCommits) {
  assign(1);
  see(AttemptEnded{.attempt = attempt(1), .outcome = Outcome::kInfrastructureFailure});
  assign(2);
  see(CheckpointCommitted{attempt(1), {.step = 10}});
  expect("invariant 2: r-1/one/1 committed a checkpoint but is not the step's open attempt");
}

TEST_F(InvariantsTest, Invariant2TwoAttemptsAtOnce) {
  assign(1);
  assign(2);
  expect("invariant 2: r-1/one/2 was assigned while attempt 1 could still commit");
}

TEST_F(InvariantsTest, Invariant2AStepThatEndsUnderALiveAttempt) {
  assign(1);
  see(StepFailed{.run = run_, .step = StepId{"one"}});
  expect("invariant 2: r-1/one failed while an attempt could still commit");
}

TEST_F(InvariantsTest, RuleAnApprovalNeedsAPersonsWordOnce) {
  plan::Plan plan;
  plan.steps.push_back({.id = StepId{"ask"}, .uses = "approve"});
  const RunId asked{"r-2"};
  see(RunSubmitted{.run = asked, .plan = plan});
  see(StepReady{.run = asked, .step = StepId{"ask"}});
  see(ApprovalDecided{.run = asked, .step = StepId{"ask"}, .approved = false});
  EXPECT_THAT(checker_.violations(), IsEmpty());
  see(StepSucceeded{.run = asked, .step = StepId{"ask"}});
  expect("rule: r-2/ask succeeded although nobody approved it");
  checker_.clear_violations();
  see(ApprovalDecided{.run = run_, .step = StepId{"one"}, .approved = true});
  expect("rule: r-1/one was decided by a person for whom it did not wait");
}

TEST_F(InvariantsTest, RuleNoMoreMembersOfAMatrixThanMayRunAtOnce) {
  plan::Plan plan;
  for (const char* id : {"a[i=1]", "a[i=2]"}) {
    plan.steps.push_back({.id = StepId{id}, .name = "a", .max_parallel = 1});
  }
  see(RunSubmitted{.run = RunId{"r-2"}, .plan = plan});
  for (const char* id : {"a[i=1]", "a[i=2]"}) {
    EXPECT_THAT(checker_.violations(), IsEmpty());
    see(AttemptAssigned{.attempt = {RunId{"r-2"}, StepId{id}, 1}, .allocation = {.agent = AgentId{"a-1"}}});
  }
  expect("rule: r-2/a[i=2]/1 was assigned beyond max_parallel of its matrix");
}

TEST_F(InvariantsTest, Invariant4OneGpuSoldTwice) {
  assign(1, {0, 1});
  assign(1, {1}, 0, "two");
  expect("invariant 4: GPU 1 of a-1 was sold to r-1/two/1 while r-1/one/1 holds it");
}

TEST_F(InvariantsTest, Invariant7ResumingBehindTheNewestCheckpoint) {
  assign(1);
  see(CheckpointCommitted{attempt(1), {.step = 10}});
  see(CheckpointCommitted{attempt(1), {.step = 20}});
  see(AttemptEnded{.attempt = attempt(1), .outcome = Outcome::kInfrastructureFailure});
  assign(2, {}, 10);
  expect("invariant 7: r-1/one/2 resumes at 10 although the newest committed checkpoint is 20");
}

TEST_F(InvariantsTest, Invariant10AStateThatReplayDoesNotGive) {
  State live;
  State replayed;
  checker_.on_replay(live, replayed);
  EXPECT_THAT(checker_.violations(), IsEmpty());
  apply(live, ControllerStarted{1, 1}, Now{});
  checker_.on_replay(live, replayed);
  expect("invariant 10");
}

TEST_F(InvariantsTest, Invariant9AFactWithoutItsRowAndARowTooMany) {
  const Effect ended = Journal{StepFailed{.run = run_, .step = StepId{"one"}}};
  const Effect row = Publish{"step.failed", {{"run", "r-1"}, {"step", "one"}}};
  checker_.on_effects({ended, row});
  EXPECT_THAT(checker_.violations(), IsEmpty());
  checker_.on_effects({ended});
  expect("invariant 9: step.failed r-1/one happened, but no outbox row says so");
  checker_.clear_violations();
  checker_.on_effects({ended, row, row});
  expect("invariant 9: step.failed r-1/one has an outbox row too many");
}

TEST_F(InvariantsTest, Invariant13AReasonThatIsNotTrue) {
  see(AgentJoined{.agent = AgentId{"a-1"}, .resources = {.cpus = 2}});
  see(StepReady{.run = run_, .step = StepId{"one"}});
  see(StepSkipped{.run = run_, .step = StepId{"two"}});
  const auto says = [this](const std::string& reason) {
    checker_.clear_violations();
    checker_.on_reasons([&](const RunId&, const StepId&) { return reason; }, Now{}, true);
  };
  says("no agent has 1 free CPU: a-1 has 0 of 2 CPUs free");
  expect("but a-1 has room");
  says("waits for an agent: a-1 is not connected");
  expect("but a-1 may be given it");
  says("tries again in 5 s, because it failed");
  expect("but it does not pause");
  says("runs on a-1, attempt 1");
  expect("but it is not placed");
  says("");
  expect("but it is not over");
  assign(1);
  says("was given to a-1, which prepares its inputs");
  EXPECT_THAT(checker_.violations(), IsEmpty());
}

TEST_F(InvariantsTest, ARetryBeyondItsBudget) {
  for (int number = 1; number <= 6; ++number) {
    assign(number);
    see(AttemptEnded{.attempt = attempt(number), .outcome = Outcome::kInfrastructureFailure});
    EXPECT_THAT(checker_.violations(), IsEmpty());
    see(StepRetrying{.run = run_, .step = StepId{"one"}, .because = Outcome::kInfrastructureFailure});
  }
  expect("rule: r-1/one is retried beyond its budget");
}

TEST_F(InvariantsTest, ALossWithinTheGracePeriod) {
  checker_.set_start_grace(milliseconds{10'000});
  checker_.on_event(ControllerStarted{}, Now{.wall_ms = 0, .monotonic_ms = 5'000});
  checker_.on_event(AgentLost{.agent = AgentId{"a-1"}}, Now{.wall_ms = 0, .monotonic_ms = 15'000});
  EXPECT_THAT(checker_.violations(), IsEmpty());
  checker_.on_event(AgentLost{.agent = AgentId{"a-1"}}, Now{.wall_ms = 0, .monotonic_ms = 14'999});
  expect("rule: agent a-1 was declared lost before the grace period");
}

TEST_F(InvariantsTest, ACheckerThatBeginsLateKnowsWhatWasBefore) {
  State state;
  const auto feed = [&state](const Event& event) { apply(state, event, Now{}); };
  plan::Plan plan;
  plan.steps.push_back({.id = StepId{"one"}});
  feed(AgentJoined{.agent = AgentId{"a-1"}, .resources = {.cpus = 2, .gpus = {{.index = 0}}}});
  feed(RunSubmitted{.run = run_, .plan = plan});
  feed(StepReady{.run = run_, .step = StepId{"one"}});
  feed(AttemptAssigned{.attempt = attempt(1), .allocation = {.agent = AgentId{"a-1"}, .gpus = {0}}});
  InvariantChecker late(state);
  late.on_event(CheckpointCommitted{attempt(2), {.step = 10}});
  EXPECT_THAT(late.violations(), ElementsAre(HasSubstr("invariant 2: r-1/one/2 committed a checkpoint")));
}

TEST_F(InvariantsTest, Invariant4InTheState) {
  State state;
  state.agents[AgentId{"a-1"}].resources.cpus = 2;
  state.allocations[attempt(1)] = {.agent = AgentId{"a-1"}, .cpus = 1, .gpus = {0}};
  state.allocations[attempt(1, "two")] = {.agent = AgentId{"a-1"}, .cpus = 1, .gpus = {1}};
  checker_.on_state(state);
  EXPECT_THAT(checker_.violations(), IsEmpty());
  state.allocations[attempt(2)] = {.agent = AgentId{"a-1"}, .cpus = 0.5, .gpus = {1}};
  checker_.on_state(state);
  EXPECT_THAT(checker_.violations(),
              ElementsAre(HasSubstr("GPU 1 of a-1 is promised twice"), HasSubstr("CPUs of a-1")));
}

}  // namespace
}  // namespace luthier::core
