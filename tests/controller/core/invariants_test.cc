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
