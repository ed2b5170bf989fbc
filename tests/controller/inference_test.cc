#include "controller/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/progress_board.h"

namespace luthier::controller {
namespace {

using core::Json;
using testing::ElementsAre;
using testing::IsEmpty;

const AgentId kAgent{"a-1"};
const AgentId kOther{"a-2"};
const AttemptId kServing{RunId{"d-1"}, StepId{"serve"}, 1};

struct FakeLink final : InferenceLink {
  std::vector<std::uint64_t> generated;
  std::vector<std::uint64_t> cancelled;
  std::string last_request;
  bool ended = false;
  void send_generate(std::uint64_t id, const AttemptId&, const std::string& request_json) override {
    generated.push_back(id);
    last_request = request_json;
  }
  void send_cancel(std::uint64_t id) override { cancelled.push_back(id); }
  void end() override { ended = true; }
};

// What one request heard, in order.
struct Heard {
  std::vector<std::string> lines;
  GenerateCallbacks callbacks() {
    return {[this](std::string text) { lines.push_back("token " + text); },
            [this](std::string reason, std::int64_t prompt, std::int64_t completion) {
              lines.push_back("done " + reason + " " + std::to_string(prompt) + " " + std::to_string(completion));
            },
            [this](Error error) { lines.push_back("error " + std::to_string(static_cast<int>(error.code))); }};
  }
};

std::string error_line(ErrorCode code) { return "error " + std::to_string(static_cast<int>(code)); }

TEST(InferenceRouter, TokensReachTheirRequestInOrder) {
  InferenceRouter router;
  const auto link = std::make_shared<FakeLink>();
  router.attach(kAgent, link, 4);
  Heard first;
  Heard second;
  const auto one = router.generate(kAgent, kServing, Json{{"prompt", "p"}}, first.callbacks());
  const auto two = router.generate(kAgent, kServing, Json::object(), second.callbacks());
  EXPECT_THAT(link->generated, ElementsAre(one, two));
  router.token(kAgent, link.get(), two, "b");
  router.token(kAgent, link.get(), one, "a");
  router.done(kAgent, link.get(), one, "stop", 3, 1);
  router.done(kAgent, link.get(), one, "stop", 3, 1);  // repeated: ignored
  router.failed(kAgent, link.get(), two, Error{ErrorCode::kInvalidArgument, "bad"});
  EXPECT_THAT(first.lines, ElementsAre("token a", "done stop 3 1"));
  EXPECT_THAT(second.lines, ElementsAre("token b", error_line(ErrorCode::kInvalidArgument)));
}

TEST(InferenceRouter, AtMostAsManyRequestsAsCreditsAreOnTheLink) {
  InferenceRouter router;
  const auto link = std::make_shared<FakeLink>();
  router.attach(kAgent, link, 1);
  Heard first;
  Heard second;
  const auto one = router.generate(kAgent, kServing, Json::object(), first.callbacks());
  const auto two = router.generate(kAgent, kServing, Json::object(), second.callbacks());
  EXPECT_THAT(link->generated, ElementsAre(one));
  router.done(kAgent, link.get(), one, "stop", 1, 1);
  EXPECT_THAT(link->generated, ElementsAre(one, two));
}

TEST(InferenceRouter, WithoutALinkTheRequestFailsAtOnce) {
  InferenceRouter router;
  Heard heard;
  router.generate(kAgent, kServing, Json::object(), heard.callbacks());
  EXPECT_THAT(heard.lines, ElementsAre(error_line(ErrorCode::kUnavailable)));
}

TEST(InferenceRouter, ADyingLinkFailsWhatRunsAndWhatWaits) {
  InferenceRouter router;
  const auto link = std::make_shared<FakeLink>();
  router.attach(kAgent, link, 1);
  Heard running;
  Heard waiting;
  router.generate(kAgent, kServing, Json::object(), running.callbacks());
  router.generate(kAgent, kServing, Json::object(), waiting.callbacks());
  router.detach(kAgent, link.get());
  EXPECT_THAT(running.lines, ElementsAre(error_line(ErrorCode::kUnavailable)));
  EXPECT_THAT(waiting.lines, ElementsAre(error_line(ErrorCode::kUnavailable)));
}

TEST(InferenceRouter, ANewerLinkReplacesAnOlderWhoseEndThenMeansNothing) {
  InferenceRouter router;
  const auto older = std::make_shared<FakeLink>();
  const auto newer = std::make_shared<FakeLink>();
  router.attach(kAgent, older, 1);
  Heard lost;
  router.generate(kAgent, kServing, Json::object(), lost.callbacks());
  router.attach(kAgent, newer, 1);
  EXPECT_THAT(lost.lines, ElementsAre(error_line(ErrorCode::kUnavailable)));
  Heard heard;
  const auto id = router.generate(kAgent, kServing, Json::object(), heard.callbacks());
  router.detach(kAgent, older.get());
  router.token(kAgent, older.get(), id, "x");
  EXPECT_THAT(newer->generated, ElementsAre(id));
  EXPECT_THAT(heard.lines, IsEmpty());
}

TEST(InferenceRouter, NoAgentAnswersForAnother) {
  InferenceRouter router;
  const auto link = std::make_shared<FakeLink>();
  const auto stranger = std::make_shared<FakeLink>();
  router.attach(kAgent, link, 1);
  router.attach(kOther, stranger, 1);
  Heard heard;
  const auto id = router.generate(kAgent, kServing, Json::object(), heard.callbacks());
  router.token(kOther, stranger.get(), id, "x");
  router.done(kOther, stranger.get(), id, "stop", 0, 0);
  EXPECT_THAT(heard.lines, IsEmpty());
}

TEST(InferenceRouter, CancelAsksTheAgentForWhatRunsAndEndsWhatWaits) {
  InferenceRouter router;
  const auto link = std::make_shared<FakeLink>();
  router.attach(kAgent, link, 1);
  Heard running;
  Heard waiting;
  const auto one = router.generate(kAgent, kServing, Json::object(), running.callbacks());
  const auto two = router.generate(kAgent, kServing, Json::object(), waiting.callbacks());
  router.cancel(two);
  EXPECT_THAT(waiting.lines, ElementsAre("done cancelled 0 0"));
  router.cancel(one);
  EXPECT_THAT(link->cancelled, ElementsAre(one));
  EXPECT_THAT(running.lines, IsEmpty());
  router.done(kAgent, link.get(), one, "cancelled", 5, 2);
  EXPECT_THAT(running.lines, ElementsAre("done cancelled 5 2"));
  router.cancel(one);  // over: ignored
  EXPECT_THAT(link->cancelled, ElementsAre(one));
}

TEST(InferenceRouter, EndingAllAsksEveryLink) {
  InferenceRouter router;
  const auto one = std::make_shared<FakeLink>();
  const auto two = std::make_shared<FakeLink>();
  router.attach(kAgent, one, 1);
  router.attach(kOther, two, 1);
  router.end_all();
  EXPECT_TRUE(one->ended);
  EXPECT_TRUE(two->ended);
}

TEST(InferenceRouter, TheQueueBehindALinkIsBounded) {
  InferenceRouter router;
  router.attach(kAgent, std::make_shared<FakeLink>(), 1);
  Heard heard;
  for (std::size_t i = 0; i < InferenceRouter::kWaitingMax + 1; ++i) {
    router.generate(kAgent, kServing, Json::object(), heard.callbacks());
  }
  EXPECT_THAT(heard.lines, IsEmpty());
  router.generate(kAgent, kServing, Json::object(), heard.callbacks());
  EXPECT_THAT(heard.lines, ElementsAre(error_line(ErrorCode::kResourceExhausted)));
}

TEST(ProgressBoard, KeepsTheNewestOfTheNewestAttempt) {
  ProgressBoard board;
  AttemptId attempt{RunId{"r-1"}, StepId{"train"}, 1};
  EXPECT_EQ(board.newest(attempt), std::nullopt);
  board.update(attempt, Json{{"step", 1}});
  board.update(attempt, Json{{"step", 2}});
  EXPECT_EQ(board.newest(attempt), (Json{{"step", 2}}));
  AttemptId newer = attempt;
  newer.number = 2;
  board.update(newer, Json{{"step", 0}});
  board.update(attempt, Json{{"step", 9}});  // late
  EXPECT_EQ(board.newest(newer), (Json{{"step", 0}}));
  EXPECT_EQ(board.newest(attempt), std::nullopt);
}

TEST(ProgressBoard, DropsTheOneUpdatedLongestAgo) {
  ProgressBoard board;
  const auto attempt = [](std::size_t i) { return AttemptId{RunId{"r-" + std::to_string(i)}, StepId{"s"}, 1}; };
  for (std::size_t i = 0; i < ProgressBoard::kStepsMax; ++i) {
    board.update(attempt(i), Json::object());
  }
  board.update(attempt(0), Json::object());
  board.update(attempt(ProgressBoard::kStepsMax), Json::object());
  EXPECT_TRUE(board.newest(attempt(0)));
  EXPECT_FALSE(board.newest(attempt(1)));
  EXPECT_TRUE(board.newest(attempt(ProgressBoard::kStepsMax)));
}

}  // namespace
}  // namespace luthier::controller
