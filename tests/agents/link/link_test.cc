// The parts of agents/link that need no controller.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "agents/link/convert.h"
#include "agents/link/outbox.h"
#include "agents/link/serve_connection.h"
#include "agents/link/spool_reader.h"
#include "agents/shim/records.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::ElementsAre;

class SpoolReaderTest : public FolderTest {
 protected:
  SpoolReader reader_{folder_};
};

TEST_F(SpoolReaderTest, reads_the_log_in_pieces_from_any_offset) {
  EXPECT_EQ(reader_.read_log(0), "");
  const std::string log = std::string(SpoolReader::kLogBytesMax, 'a') + std::string("\0\377b", 3);
  put(shim::kSpoolLog, log);
  EXPECT_EQ(reader_.read_log(0), log.substr(0, SpoolReader::kLogBytesMax));
  EXPECT_EQ(reader_.read_log(SpoolReader::kLogBytesMax + 1), "\377b");
  EXPECT_EQ(reader_.read_log(log.size()), "");
  EXPECT_EQ(reader_.read_log(log.size() + 100), "");
}

TEST_F(SpoolReaderTest, takes_points_of_whole_lines_only) {
  const std::string first =
      "{\"type\":\"hello\"}\nnot json \"metric\"\n"
      "{\"type\":\"metric\",\"step\":7,\"values\":{\"loss\":0.5,\"note\":\"text\",\"rate\":2}}\n";
  put(shim::kSpoolMessages, first + "{\"type\":\"metric\",\"step\":8,\"va");
  const MetricPiece piece = reader_.read_metrics(0);
  EXPECT_EQ(piece.next_offset, first.size());
  ASSERT_EQ(piece.points.size(), 2u);
  EXPECT_EQ(piece.points[0].series, "loss");
  EXPECT_EQ(piece.points[0].step, 7);
  EXPECT_EQ(piece.points[1].value, 2);
  EXPECT_EQ(reader_.read_metrics(first.size()).next_offset, first.size());
}

TEST_F(SpoolReaderTest, bounds_the_points_of_a_piece_and_gets_past_a_long_line) {
  std::string text = "{\"type\":\"result\",\"outputs\":\"" + std::string(500'000, 'x') + "\"}\n";
  for (int step = 1; step <= 1'500; ++step) {
    text += "{\"type\":\"metric\",\"step\":" + std::to_string(step) + ",\"values\":{\"loss\":1}}\n";
  }
  put(shim::kSpoolMessages, text);
  std::size_t points = 0;
  std::uint64_t offset = 0;
  for (int round = 0; offset < text.size() && round < 1'000; ++round) {
    const MetricPiece piece = reader_.read_metrics(offset);
    EXPECT_LE(piece.points.size(), SpoolReader::kPointsMax);
    ASSERT_GT(piece.next_offset, offset);
    points += piece.points.size();
    offset = piece.next_offset;
  }
  EXPECT_EQ(points, 1'500u);
}

TEST(ConvertTest, reads_an_assignment) {
  v1::ConnectResponse message;
  v1::StartAttempt& start = *message.mutable_start_attempt();
  start.mutable_attempt()->set_run("r-1");
  start.mutable_attempt()->set_step("train");
  start.mutable_attempt()->set_number(2);
  start.set_uses("train");
  start.set_with_json("{\"x\":1}");
  start.add_gpus(3);
  start.set_cpus(1.5);
  start.set_timeout_ms(100);
  start.set_resume_artifact("sha256:1");
  start.set_resume_step(50);
  const auto input = from_proto(message);
  ASSERT_TRUE(input);
  const Assignment expected{.attempt = {RunId{"r-1"}, StepId{"train"}, 2},
                            .uses = "train",
                            .with = {{"x", 1}},
                            .gpus = {3},
                            .cpus = 1.5,
                            .timeout = milliseconds(100),
                            .resume_artifact = "sha256:1",
                            .resume_step = 50};
  EXPECT_EQ(std::get<AssignmentReceived>(*input).assignment, expected);
}

TEST(ConvertTest, refuses_commands_that_make_no_sense) {
  v1::ConnectResponse message;
  EXPECT_FALSE(from_proto(message));
  message.mutable_start_attempt()->set_with_json("[1]");
  EXPECT_FALSE(from_proto(message));
  message.mutable_acknowledge();
  EXPECT_FALSE(from_proto(message));
}

TEST(ConvertTest, writes_a_finished_report_whatever_bytes_it_holds) {
  const FinishedReport report{.attempt = {RunId{"r"}, StepId{"s"}, 1},
                              .outcome = Outcome::kUserFailure,
                              .outputs = {{"text", "\xff"}},
                              .exit_code = 1,
                              .error_code = "c",
                              .error_message = "m"};
  const v1::ConnectRequest message = to_proto(Report(report));
  EXPECT_EQ(message.attempt_finished().outcome(), v1::OUTCOME_USER_FAILURE);
  EXPECT_EQ(message.attempt_finished().outputs_json(), "{\"text\":\"\xef\xbf\xbd\"}");
  EXPECT_EQ(message.attempt_finished().exit_code(), 1);
}

TEST(OutboxTest, is_bounded_in_order_and_ends_when_closed) {
  Outbox<int> outbox(2);
  EXPECT_TRUE(outbox.try_push(1));
  EXPECT_TRUE(outbox.try_push(2));
  EXPECT_FALSE(outbox.try_push(3));
  auto waiting = std::async(std::launch::async, [&] { return outbox.push(3); });
  EXPECT_EQ(outbox.pop(milliseconds(60'000)), 1);
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(outbox.pop(milliseconds(60'000)), 2);
  EXPECT_EQ(outbox.pop(milliseconds(60'000)), 3);
  EXPECT_EQ(outbox.pop(milliseconds(1)), std::nullopt);
  auto blocked = std::async(std::launch::async, [&] { return outbox.pop(milliseconds(60'000)); });
  outbox.close();
  EXPECT_EQ(blocked.get(), std::nullopt);
  EXPECT_FALSE(outbox.push(4));
}

// A serving process of one connection, scripted by the test.
class ServeTest : public FolderTest {
 protected:
  void SetUp() override {
    listener_ = shim::listen_unix(folder_ / "serve.sock").value();
    ServeEvents events;
    events.token = [this](std::uint64_t id, const std::string& text) { note(std::to_string(id) + " token " + text); };
    events.done = [this](std::uint64_t id, const std::string& reason, std::int64_t prompt, std::int64_t completion) {
      note(std::to_string(id) + " done " + reason + " " + std::to_string(prompt) + " " + std::to_string(completion));
    };
    events.failure = [this](std::uint64_t id, const std::string& code, const std::string&) {
      note(std::to_string(id) + " failure " + code);
    };
    connection_ =
        std::make_unique<ServeConnection>(shim::connect_unix(folder_ / "serve.sock").value(), std::move(events));
    ASSERT_TRUE(eventually([this] {
      peer_ = shim::accept_unix(listener_);
      return peer_.valid();
    }));
  }
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(what));
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  void say(std::string text) {
    EXPECT_TRUE(eventually([&] { return shim::send_some(peer_.get(), text) && text.empty(); }));
  }
  Json hear() {
    Json heard;
    std::string buffer(1 << 16, '\0');
    EXPECT_TRUE(eventually([&] {
      std::size_t count = 0;
      if (shim::read_some(peer_.get(), buffer, count) == shim::ReadState::kData) {
        lines_.feed(
            std::string_view(buffer).substr(0, count), [&](std::string_view line) { heard = Json::parse(line); },
            [] {});
      }
      return !heard.is_null();
    }));
    return heard;
  }

  UniqueFd listener_;
  UniqueFd peer_;
  shim::LineBuffer lines_{1 << 20};
  std::mutex mutex_;
  std::vector<std::string> notes_;
  std::unique_ptr<ServeConnection> connection_;
};

TEST_F(ServeTest, carries_many_requests_by_id) {
  ASSERT_TRUE(connection_->generate(7, {{"prompt", "a"}}));
  EXPECT_EQ(hear(), (Json{{"id", "7"}, {"type", "generate"}, {"prompt", "a"}}));
  ASSERT_TRUE(connection_->generate(8, {{"prompt", "b"}}));
  hear();
  say("{\"id\":\"8\",\"type\":\"delta\",\"text\":\"x\"}\n{\"id\":\"7\",\"type\":\"delta\",\"text\":\"y\"}\nnoise\n"
      "{\"id\":\"8\",\"type\":\"done\",\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":"
      "1}}\n"
      "{\"id\":\"7\",\"type\":\"error\",\"code\":\"internal\",\"message\":\"m\"}\n"
      "{\"id\":\"7\",\"type\":\"done\",\"finish_reason\":\"stop\"}\n");
  ASSERT_TRUE(eventually([&] { return notes().size() == 4; }));
  EXPECT_THAT(notes(), ElementsAre("8 token x", "7 token y", "8 done stop 3 1", "7 failure internal"));
}

TEST_F(ServeTest, cancels_only_what_is_active) {
  connection_->cancel(1);
  ASSERT_TRUE(connection_->generate(2, Json::object()));
  EXPECT_EQ(hear()["type"], "generate");
  connection_->cancel(2);
  EXPECT_EQ(hear(), (Json{{"id", "2"}, {"type", "cancel"}}));
}

TEST_F(ServeTest, fails_what_is_unfinished_when_the_process_dies) {
  ASSERT_TRUE(connection_->generate(5, Json::object()));
  hear();
  peer_.reset();
  ASSERT_TRUE(eventually([&] { return !notes().empty(); }));
  EXPECT_THAT(notes(), ElementsAre("5 failure worker_lost"));
  EXPECT_TRUE(connection_->ended());
  EXPECT_FALSE(connection_->generate(6, Json::object()));
}

}  // namespace
}  // namespace luthier::agents
