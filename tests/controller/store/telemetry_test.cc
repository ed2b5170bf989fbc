#include <cmath>
#include <limits>

#include "base/random.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

const AttemptId kAttempt{RunId{"r-1"}, StepId{"train"}, 1};

// Everything from `offset` on, in slices of `slice_bytes`.
std::string read_all(Store& store, const AttemptId& attempt, std::uint64_t offset = 0,
                     std::uint64_t slice_bytes = 1'000) {
  std::string bytes;
  while (true) {
    const auto slice = store.read_log(attempt, offset, slice_bytes);
    EXPECT_TRUE(slice) << slice.error().message;
    EXPECT_LE(slice->bytes.size(), slice_bytes);
    EXPECT_EQ(slice->next_offset, offset + slice->bytes.size());
    if (slice->bytes.empty()) {
      return bytes;
    }
    bytes += slice->bytes;
    offset = slice->next_offset;
  }
}

TEST_F(StoreTest, AppendsAreIdempotentByOffset) {
  struct Case {
    std::string name;
    std::uint64_t offset;
    std::string bytes;
    std::uint64_t end;
    std::string log;
  };
  for (const Case& c : {
           Case{"first", 0, "hello ", 6, "hello "},
           Case{"the same again", 0, "hello ", 6, "hello "},
           Case{"an older part again", 2, "ll", 6, "hello "},
           Case{"a gap", 7, "world", 6, "hello "},
           Case{"nothing", 6, "", 6, "hello "},
           Case{"overlapping", 4, "o world", 11, "hello world"},
           Case{"at the end", 11, "!\n", 13, "hello world!\n"},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(*store_->append_log(kAttempt, c.offset, c.bytes, false), c.end);
    EXPECT_EQ(read_all(*store_, kAttempt), c.log);
  }
}

TEST_F(StoreTest, ALogIsCompleteOnceItsEndIsStored) {
  const auto complete = [this](std::uint64_t offset, std::uint64_t bytes_max) {
    return store_->read_log(kAttempt, offset, bytes_max)->complete;
  };
  EXPECT_FALSE(complete(0, 100));
  ASSERT_TRUE(store_->append_log(kAttempt, 0, "abc", false));
  EXPECT_FALSE(complete(0, 100));
  EXPECT_EQ(*store_->append_log(kAttempt, 4, "", true), 3U);  // the end of a log with a gap is not its end
  EXPECT_FALSE(complete(0, 100));
  EXPECT_EQ(*store_->append_log(kAttempt, 3, "d", true), 4U);
  EXPECT_FALSE(complete(0, 2));
  EXPECT_TRUE(complete(0, 4));
  EXPECT_TRUE(complete(4, 100));
  EXPECT_EQ(*store_->append_log(kAttempt, 4, "more", false), 4U);
  EXPECT_EQ(*store_->append_log(kAttempt, 3, "d", true), 4U);
  EXPECT_EQ(read_all(*store_, kAttempt), "abcd");
}

TEST_F(StoreTest, AnEmptyLogCanBeComplete) {
  EXPECT_EQ(*store_->append_log(kAttempt, 0, "", true), 0U);
  EXPECT_TRUE(store_->read_log(kAttempt, 0, 10)->complete);
}

TEST_F(StoreTest, LogsOfAttemptsAreApart) {
  const AttemptId second{kAttempt.run, kAttempt.step, 2};
  const AttemptId other{kAttempt.run, StepId{"eval"}, 1};
  ASSERT_TRUE(store_->append_log(kAttempt, 0, "one", false));
  ASSERT_TRUE(store_->append_log(second, 0, "two", false));
  EXPECT_EQ(read_all(*store_, kAttempt), "one");
  EXPECT_EQ(read_all(*store_, second), "two");
  EXPECT_EQ(read_all(*store_, other), "");
}

TEST_F(StoreTest, ARandomSequenceOfAppendsKeepsEveryByte) {
  Random random(7);
  std::string written(2'000'000, '\0');
  for (char& byte : written) {
    byte = static_cast<char>(random.next());
  }
  std::uint64_t end = 0;
  while (end < written.size()) {
    const std::uint64_t start = random.below(4) == 0 ? random.below(end + 1) : end;
    const std::uint64_t count = std::min<std::uint64_t>(random.below(600'000), written.size() - start);
    const auto appended = store_->append_log(kAttempt, start, std::string_view(written).substr(start, count), false);
    ASSERT_TRUE(appended);
    EXPECT_EQ(*appended, std::max(end, start + count));
    end = *appended;
    if (random.below(4) == 0) {
      reopen();
    }
  }
  EXPECT_TRUE(read_all(*store_, kAttempt, 0, 300'000) == written);
  EXPECT_TRUE(read_all(*store_, kAttempt, 1'234'567, 65'537) == written.substr(1'234'567));
}

TEST_F(StoreTest, AnOffsetOutOfRangeIsRefused) {
  EXPECT_EQ(store_->append_log(kAttempt, ~std::uint64_t{0}, "x", false).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->read_log(kAttempt, ~std::uint64_t{0}, 10)->bytes, "");
}

std::string text_of(const std::vector<MetricPoint>& points) {
  std::string text;
  for (const MetricPoint& point : points) {
    text += point.series + "@" + std::to_string(point.step) + "=" + std::to_string(std::lround(point.value)) + " ";
  }
  return text;
}

TEST_F(StoreTest, TheFirstMetricOfAStepWins) {
  const AttemptId second{kAttempt.run, kAttempt.step, 2};
  ASSERT_TRUE(store_->append_metrics(kAttempt, {{"loss", 1, 10, 5}, {"loss", 2, 20, 6}, {"loss", 1, 11, 7}}));
  ASSERT_TRUE(store_->append_metrics(second, {{"loss", 2, 21, 8}, {"loss", 3, 30, 9}}));
  reopen();
  const auto points = store_->read_metrics(kAttempt.run, kAttempt.step, "loss", 0, 100);
  ASSERT_TRUE(points);
  EXPECT_EQ(text_of(*points), "loss@1=10 loss@2=20 loss@3=30 ");
  EXPECT_EQ(points->at(1).wall_ms, 6);
}

TEST_F(StoreTest, MetricsAreReadBySeriesStepAndLimit) {
  std::vector<MetricPoint> written;
  for (int step = 1; step <= 4; ++step) {
    for (const char* series : {"loss", "rate", "accuracy"}) {
      written.push_back({series, step, 1.0 * step, 0});
    }
  }
  ASSERT_TRUE(store_->append_metrics(kAttempt, written));
  struct Case {
    std::string series;
    std::int64_t after;
    int limit;
    std::string expected;
  };
  for (const Case& c : {
           Case{"loss", 0, 2, "loss@1=1 loss@2=2 "}, Case{"loss", 2, 9, "loss@3=3 loss@4=4 "}, Case{"loss", 4, 9, ""},
           Case{"nothing", 0, 9, ""}, Case{"", 3, 9, "accuracy@4=4 loss@4=4 rate@4=4 "},
           Case{"", 2, 1, "accuracy@3=3 loss@3=3 rate@3=3 "},  // whole steps
       }) {
    SCOPED_TRACE(c.series + " after " + std::to_string(c.after));
    const auto points = store_->read_metrics(kAttempt.run, kAttempt.step, c.series, c.after, c.limit);
    ASSERT_TRUE(points) << points.error().message;
    EXPECT_EQ(text_of(*points), c.expected);
  }
}

TEST_F(StoreTest, ValuesThatAreNotFiniteAreKept) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(
      store_->append_metrics(kAttempt, {{"loss", 1, std::nan(""), 0}, {"loss", 2, kInfinity, 0}, {"loss", 3, 0.1, 0}}));
  const auto points = store_->read_metrics(kAttempt.run, kAttempt.step, "loss", 0, 100);
  ASSERT_TRUE(points);
  EXPECT_TRUE(std::isnan(points->at(0).value));
  EXPECT_EQ(points->at(1).value, kInfinity);
  EXPECT_EQ(points->at(2).value, 0.1);
}

TEST_F(StoreTest, RanksOfAGangHaveLogsAndSeriesOfTheirOwn) {
  AttemptId second = kAttempt;
  second.rank = 1;
  ASSERT_TRUE(store_->append_log(kAttempt, 0, "zero", true));
  ASSERT_TRUE(store_->append_log(second, 0, "one", true));
  EXPECT_EQ(store_->read_log(kAttempt, 0, 100)->bytes, "zero");
  EXPECT_EQ(store_->read_log(second, 0, 100)->bytes, "one");
  ASSERT_TRUE(store_->append_metrics(kAttempt, {{"loss", 1, 0.5, 7}}));
  ASSERT_TRUE(store_->append_metrics(second, {{"loss", 1, 0.25, 8}}));
  const auto points = store_->read_metrics(kAttempt.run, kAttempt.step, "", 0, 10);
  ASSERT_EQ(points->size(), 2U);
  EXPECT_EQ(points->at(0).series, "loss");
  EXPECT_EQ(points->at(1).series, "rank 1/loss");
  EXPECT_EQ(points->at(1).value, 0.25);
}

class PruneTest : public StoreTest {
 protected:
  // A run whose one step said `bytes` bytes and one metric; it ended at the second that is its number times ten.
  void run_of(int number, std::size_t bytes, bool ended) {
    const RunId run{"r-" + std::to_string(number)};
    while (next_index_ < static_cast<std::uint64_t>(number) * 10 - 1) {
      commit({core::AgentLost{AgentId{"a-1"}, "silence"}});
    }
    commit({core::RunSubmitted{run, {}, "", "", "me"}});
    if (ended) {
      commit({core::RunFinished{run, core::RunStatus::kSucceeded}});
    }
    const AttemptId attempt{run, StepId{"train"}, 1};
    ASSERT_TRUE(store_->append_log(attempt, 0, std::string(bytes, 'x'), true));
    ASSERT_TRUE(store_->append_metrics(attempt, {{"loss", 1, 0.5, 1}}));
  }
  static std::int64_t second(std::int64_t number) { return kStartMs + 1'000 * number; }
  // By number: "log and metrics", or why the log cannot be read.
  std::string kept(int number) {
    const AttemptId attempt{RunId{"r-" + std::to_string(number)}, StepId{"train"}, 1};
    const auto log = store_->read_log(attempt, 0, 100);
    const auto points = store_->read_metrics(attempt.run, attempt.step, "", 0, 10);
    return (log ? "log" : log.error().message) + (points->empty() ? "" : " and metrics");
  }
};

TEST_F(PruneTest, OnlyRunsThatEndedLongAgoAreForgotten) {
  run_of(1, 1'000, true);
  run_of(2, 1'000, false);
  run_of(3, 1'000, true);
  EXPECT_EQ(*store_->prune_telemetry(second(5), 0), 0U);
  EXPECT_EQ(*store_->prune_telemetry(second(20), 0), 1U);
  EXPECT_EQ(kept(1), "the log of r-1/train/1 is not kept any more (see telemetry-keep and telemetry-max of luthierd)");
  EXPECT_EQ(kept(2), "log and metrics") << "it goes on";
  EXPECT_EQ(kept(3), "log and metrics");
  EXPECT_EQ(*store_->prune_telemetry(second(20), 0), 0U) << "once";
  EXPECT_EQ(*store_->append_log({RunId{"r-1"}, StepId{"train"}, 1}, 0, "x", false), 1'000U) << "its end is still known";
}

TEST_F(PruneTest, ABoundTakesTheRunsThatEndedFirstUntilItHolds) {
  constexpr std::size_t kBytes = std::size_t{3} << 20;  // many chunks
  for (const int number : {1, 2, 3, 4}) {
    run_of(number, kBytes, number != 2);
  }
  EXPECT_EQ(*store_->prune_telemetry(0, 0), 0U) << "no bound";
  EXPECT_EQ(*store_->prune_telemetry(0, 7 << 20), 2U);
  EXPECT_THAT(kept(1), ::testing::HasSubstr("not kept"));
  EXPECT_EQ(kept(2), "log and metrics") << "it goes on";
  EXPECT_THAT(kept(3), ::testing::HasSubstr("not kept"));
  EXPECT_EQ(kept(4), "log and metrics");
  EXPECT_EQ(*store_->prune_telemetry(0, 1), 1U);
  EXPECT_EQ(kept(2), "log and metrics") << "what goes on is kept, however much it is";
}

TEST_F(PruneTest, WhatNoRunIsKnownOfGoes) {
  ASSERT_TRUE(store_->append_log({RunId{"r-9"}, StepId{"train"}, 1}, 0, "of a lost tail", true));
  EXPECT_EQ(*store_->prune_telemetry(second(1), 0), 1U);
}

}  // namespace
}  // namespace luthier::store
