// Steps that a person decides, and notifications.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ApprovalsTest : public MachineFixture {
 protected:
  Lines submit_approval(Json with = Json{{"message", "go?"}}, milliseconds timeout = milliseconds{0}) {
    plan::Step ask = controller_step("approve", {}, std::move(with));
    ask.timeout = timeout;
    return submit({ask, agent_step("after", "run", {"approve"})});
  }
  Lines decide(bool approved, const std::string& by = "anna", const std::string& step = "approve") {
    return feed(DecideApproval{
        .request = 9, .run = RunId{"r-1"}, .step = StepId{step}, .approved = approved, .by = by, .comment = "fine"});
  }
};

TEST_F(ApprovalsTest, AsksAndWaits) {
  EXPECT_THAT(submit_approval(), ElementsAre("journal run_submitted r-1", "publish run.queued ", "reply 7 ok",
                                             "publish run.started ", "journal step_ready approve",
                                             "publish step.started approve", "publish approval.requested approve"));
  EXPECT_EQ(reason("approve"),
            "waits for the approval of a person: luthier approve r-1 approve, or luthier reject r-1 approve");
  EXPECT_EQ(reason("after"), "waits for approve");
}

TEST_F(ApprovalsTest, ApprovalLetsTheRunGoOnAndRecordsWho) {
  submit_approval();
  EXPECT_THAT(decide(true),
              ElementsAre("journal approval_decided approve", "publish approval.decided approve", "reply 9 ok",
                          "journal step_succeeded approve", "publish step.succeeded approve",
                          "journal step_ready after", ::testing::StartsWith("wake ")));
  EXPECT_EQ(live("approve").outputs, (Json{{"approved", true}, {"by", "anna"}, {"comment", "fine"}}));
  EXPECT_THAT(decide(true), Contains("reply 9 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("was approved already, by anna"));
}

TEST_F(ApprovalsTest, RejectionFailsTheStep) {
  submit_approval();
  EXPECT_THAT(decide(false), Contains("publish run.failed approve"));
  decide(true);
  EXPECT_EQ(last<Reply>().error.message, "run 'r-1' has already ended; there is nothing to decide");
}

TEST_F(ApprovalsTest, OnlyApproversMayDecide) {
  submit_approval(Json{{"approvers", {"ben", "eve"}}});
  EXPECT_THAT(reason("approve"), HasSubstr("waits for the approval of ben or eve"));
  decide(true);
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(live("approve").status, StepStatus::kReady);
  EXPECT_THAT(decide(true, "eve"), Contains("journal step_succeeded approve"));
}

TEST_F(ApprovalsTest, NobodyMayDecideWhenTheApproversAreNoNames) {
  for (const Json& approvers : {Json("anna"), Json::array()}) {
    EXPECT_THAT(submit_approval(Json{{"approvers", approvers}}),
                AllOf(Contains("journal step_failed approve"), Not(Contains("publish approval.requested approve"))))
        << approvers.dump();
  }
}

TEST_F(ApprovalsTest, NobodyDecidesWithinTheTimeout) {
  EXPECT_THAT(submit_approval(Json::object(), milliseconds{60'000}), Contains("wake 60000"));
  EXPECT_THAT(reason("approve"), HasSubstr(", until 2023-11-14T22:14:20"));
  advance(59'999);
  feed(Tick{});
  EXPECT_EQ(live("approve").status, StepStatus::kReady);
  advance(1);
  EXPECT_THAT(feed(Tick{}), Contains("journal step_failed approve"));
}

TEST_F(ApprovalsTest, OtherStepsAreNotApproved) {
  submit_approval();
  decide(true, "anna", "after");
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("only approve steps are approved"));
  decide(true, "anna", "nowhere");
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kNotFound);
}

TEST_F(ApprovalsTest, ACancelledRunWaitsForNobody) {
  submit_approval(Json::object(), milliseconds{60'000});
  feed(CancelRun{.request = 0, .run = RunId{"r-1"}, .by = "anna"});
  EXPECT_TRUE(state_.runs.empty());
  EXPECT_EQ(state_.queue.next_approval_wall_ms(), 0);
}

TEST_F(ApprovalsTest, NotifyPublishesAndSucceeds) {
  EXPECT_THAT(submit({controller_step("notify", {}, Json{{"message", "hello"}})}),
              Contains("publish notification.requested notify"));
}

}  // namespace
}  // namespace luthier::core::testing
