#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeploymentsTest : public MachineFixture {
 protected:
  DeploymentsTest() {
    feed(RegisterModel{.request = 1, .model = "m", .weights = {.base = "x"}});
    run_ = "d-1";
  }
  Lines use(const std::string& model = "m") { return feed(UseModel{.request = 5, .model = model}); }
  Json answer() const { return last<Reply>().value; }
  Lines ready(int number = 1) { return feed(AttemptReadyReport{attempt("serve", number), AgentId{"a-1"}}); }
};

TEST_F(DeploymentsTest, FirstUseStartsServingAndLaterOnesFindIt) {
  connect("a-1");
  EXPECT_THAT(use(), ElementsAre("journal deployment_requested d-1", "journal attempt_assigned d-1/serve/1",
                                 "send a-1 start d-1/serve/1", "reply 5 ok", "wake 660000"));
  EXPECT_EQ(answer()["status"], "starting");
  EXPECT_EQ(answer()["agent"], "a-1");
  start("serve");
  EXPECT_THAT(ready(), ElementsAre("journal attempt_ready d-1/serve/1", "wake 660000"));
  EXPECT_THAT(use("m@1"), ElementsAre("reply 5 ok", "wake 660000"));
  EXPECT_EQ(answer()["status"], "ready");
  EXPECT_EQ(answer()["deployment"], "d-1");
  EXPECT_EQ(answer()["attempt"], 1);
}

TEST_F(DeploymentsTest, ServingIsPlacedOnABusyMachineAndHoldsNothingBack) {
  connect("a-1");
  plan::Step busy = agent_step("busy");
  busy.resources.cpus = 2;
  submit({busy});
  use();
  EXPECT_EQ(answer()["agent"], "a-1");
  run_ = "r-1";
  finish("busy");
  release("busy");
  submit({busy});
  EXPECT_EQ(live("busy").status, StepStatus::kAssigned);
}

TEST_F(DeploymentsTest, WithoutAnAgentItSaysWhy) {
  use();
  EXPECT_EQ(answer()["status"], "starting");
  EXPECT_THAT(answer()["reason"].get<std::string>(), HasSubstr("waits for an agent"));
  connect("a-1");
  EXPECT_EQ(live("serve").status, StepStatus::kAssigned);
}

TEST_F(DeploymentsTest, IdleOnesStopAfterTheNewestUse) {
  connect("a-1");
  use();
  start("serve");
  ready();
  advance(300'000);
  use();  // journaled: a minute has passed since the last that was
  advance(30'000);
  EXPECT_THAT(use(), ElementsAre("reply 5 ok", "wake 960000"));
  advance(629'999);
  EXPECT_THAT(feed(Tick{}), ElementsAre("wake 960000"));
  advance(1);
  EXPECT_THAT(feed(Tick{}), ElementsAre("journal attempt_ended d-1/serve/1", "send a-1 stop d-1/serve/1 idle",
                                        "journal deployment_stopped d-1"));
  EXPECT_THAT(state_.deployments, IsEmpty());
  release("serve");
  EXPECT_THAT(state_.allocations, IsEmpty());
}

TEST_F(DeploymentsTest, ALostServerStartsAgain) {
  connect("a-1");
  use();
  start("serve");
  ready();
  fail("serve", Outcome::kInfrastructureFailure);
  EXPECT_EQ(live("serve").attempt_number, 2);
  use();
  EXPECT_EQ(answer()["status"], "starting");
  EXPECT_EQ(answer()["attempt"], 2);
}

TEST_F(DeploymentsTest, AServerThatCannotStartIsAnErrorOnceAndThenTriedAnew) {
  connect("a-1");
  use();
  fail("serve", Outcome::kUserFailure);
  use();
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("could not be served: it broke"));
  use();
  EXPECT_EQ(answer()["deployment"], "d-2");
}

TEST_F(DeploymentsTest, UnknownModelsAreRefused) {
  EXPECT_THAT(use("nope"), ElementsAre("reply 5 error"));
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kNotFound);
}

TEST_F(DeploymentsTest, ALostAgentsServerMovesAndItsLateReadyIsRefused) {
  connect("a-1");
  use();
  start("serve");
  connect("a-2");
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  EXPECT_EQ(live("serve").attempt.agent.value, "a-2");
  EXPECT_THAT(ready(), ElementsAre("send a-1 stop d-1/serve/1 superseded", "wake 660000"));
}

}  // namespace
}  // namespace luthier::core::testing
