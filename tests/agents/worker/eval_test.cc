#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/worker/eval/labels.h"
#include "agents/worker/eval/report.h"

namespace luthier::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Labels, AreWrittenAsTheDataWritesThem) {
  const std::vector<Record> records{
      {"p", " hockey", 1}, {"p", " baseball", 2}, {"p", " hockey", 3}, {"p", " hockey", 4}};
  const Labels found = Labels::find({}, records);
  EXPECT_THAT(found.names(), ElementsAre("baseball", "hockey"));
  EXPECT_THAT(found.completions(), ElementsAre(" baseball", " hockey"));
  const Labels wanted = Labels::find({"hockey", "tennis"}, records);
  EXPECT_THAT(wanted.completions(), ElementsAre(" hockey", " tennis"));
  EXPECT_EQ(wanted.index_of(" hockey\n"), 0U);
  EXPECT_FALSE(wanted.index_of(" baseball").has_value());
}

TEST(Labels, AreNotGuessedWhenCompletionsAreFreeText) {
  EXPECT_TRUE(Labels::find({}, {{"p", "one", 1}, {"p", "two", 2}, {"p", "three", 3}}).empty());
}

EvalMetrics metrics(double loss, double labels) { return {loss, 0.5, 0.5, labels, 100}; }

struct Case {
  const char* name;
  EvalMetrics mine;
  std::optional<EvalMetrics> base, baseline;
  std::map<std::string, double> thresholds;
  bool better;
  const char* reason;
};

TEST(Verdict, FollowsTheRules) {
  const std::vector<Case> cases{
      {"beats the baseline", metrics(1, 0.9), {}, metrics(1, 0.8), {}, true, "0.9000 against 0.8000 of the baseline"},
      {"does not", metrics(1, 0.7), metrics(1, 0.5), metrics(1, 0.8), {}, false, "not better"},
      {"tie broken by loss", metrics(0.5, 0.8), {}, metrics(1, 0.8), {}, true, "loss is 0.5000 against 1.0000"},
      {"tie", metrics(1, 0.8), {}, metrics(1, 0.8), {}, false, "not better"},
      {"threshold met", metrics(1, 0.9), metrics(1, 0.95), {}, {{"label_accuracy", 0.9}}, true, "thresholds are met"},
      {"threshold missed", metrics(1, 0.89), {}, {}, {{"label_accuracy", 0.9}}, false, "at least 0.9000"},
      {"loss is at most", metrics(1.1, 0.9), {}, {}, {{"loss", 1.0}}, false, "at most 1.0000"},
      {"thresholds bind with a baseline too",
       metrics(1, 0.8),
       {},
       metrics(1, 0.1),
       {{"label_accuracy", 0.9}},
       false,
       "threshold"},
      {"base decides at last", metrics(1, 0.4), metrics(1, 0.5), {}, {}, false, "the base model"},
      {"nothing to compare", metrics(1, 0.4), {}, {}, {}, true, "nothing"}};
  for (const Case& c : cases) {
    const Verdict verdict = decide(c.mine, c.base, c.baseline, c.thresholds);
    EXPECT_EQ(verdict.better, c.better) << c.name << ": " << verdict.reason;
    EXPECT_THAT(verdict.reason, HasSubstr(c.reason)) << c.name;
    EXPECT_EQ(verdict.metric, "label_accuracy");
  }
}

TEST(Verdict, WithoutLabelsLossIsCompared) {
  const EvalMetrics mine{1.0, 0, 0, std::nullopt, 1};
  const EvalMetrics other{2.0, 0, 0, std::nullopt, 1};
  EXPECT_TRUE(decide(mine, {}, other, {}).better);
  EXPECT_EQ(decide(mine, {}, other, {}).metric, "loss");
  EXPECT_THAT(decide(mine, {}, {}, {{"label_accuracy", 0.5}}).reason, HasSubstr("not measured"));
}

TEST(Thresholds, UnknownMetricsAreErrors) {
  EXPECT_TRUE(parse_thresholds(nullptr)->empty());
  EXPECT_EQ(parse_thresholds({{"loss", 1}})->at("loss"), 1.0);
  EXPECT_FALSE(parse_thresholds({{"accuracy", 0.9}}));
  EXPECT_FALSE(parse_thresholds({{"loss", "low"}}));
}

TEST(Report, TableCellsStayOnTheirLine) {
  EvalReport report;
  report.metrics = metrics(1, 0.9);
  report.verdict = {true, "label_accuracy", "Because."};
  report.samples = {{"a|b\nc", " x", std::nullopt, " y"}};
  EXPECT_THAT(to_markdown(report), HasSubstr("| a\\|b\\nc |  x |  |  y |\n"));
  EXPECT_EQ(to_json(report)["baseline_metrics"], nullptr);
  EXPECT_EQ(to_json(report)["metrics"]["label_accuracy"], 0.9);
}

}  // namespace
}  // namespace luthier::worker
