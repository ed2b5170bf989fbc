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

// A model that answered so many of 200 examples right, the first ones, with this loss on each one's single token.
Measured measured(double loss, int right, bool labels = true) {
  Measured model;
  for (int i = 0; i < 200; ++i) {
    const bool is_right = i < right;
    model.scores.examples.push_back({loss, 1, is_right ? 1 : 0, labels ? std::optional<bool>(is_right) : std::nullopt});
  }
  const double share = right / 200.0;
  model.metrics = {loss, share, share, labels ? std::optional<double>(share) : std::nullopt, 200};
  return model;
}

struct Case {
  const char* name;
  Measured mine;
  std::optional<Measured> base, baseline;
  std::map<std::string, double> thresholds;
  Gate gate;
  bool better;
  const char* reason;
};

TEST(Verdict, FollowsTheRules) {
  const std::vector<Case> cases{
      {"beats the baseline",
       measured(1, 180),
       {},
       measured(1, 160),
       {},
       {},
       true,
       "0.9000 against 0.8000 of the baseline"},
      {"does not", measured(1, 140), measured(1, 100), measured(1, 160), {}, {}, false, "not shown to be better"},
      {"by too little", measured(1, 162), {}, measured(1, 161), {}, {}, false, "interval 0.0000 to"},
      {"tie", measured(0.5, 160), {}, measured(1, 160), {}, {}, false, "not shown to be better"},
      {"loss when the gate says so",
       measured(0.5, 160),
       {},
       measured(1, 160),
       {},
       {.metric = "loss"},
       true,
       "lower by 0.5000"},
      {"too small an improvement",
       measured(1, 180),
       {},
       measured(1, 160),
       {},
       {.min_improvement = 0.2},
       false,
       "better by more than 0.2000"},
      {"a little worse is allowed",
       measured(1, 160),
       {},
       measured(1, 161),
       {},
       {.min_improvement = -0.05},
       true,
       "0.8050 of the baseline"},
      {"confidence is stated", measured(1, 180), {}, measured(1, 160), {}, {.confidence = 0.99}, true, "99% interval"},
      {"threshold met",
       measured(1, 180),
       measured(1, 190),
       {},
       {{"label_accuracy", 0.9}},
       {},
       true,
       "thresholds are met"},
      {"threshold missed", measured(1, 178), {}, {}, {{"label_accuracy", 0.9}}, {}, false, "at least 0.9000"},
      {"loss is at most", measured(1.1, 180), {}, {}, {{"loss", 1.0}}, {}, false, "at most 1.0000"},
      {"thresholds bind with a baseline too",
       measured(1, 160),
       {},
       measured(1, 20),
       {{"label_accuracy", 0.9}},
       {},
       false,
       "threshold"},
      {"base decides at last", measured(1, 80), measured(1, 100), {}, {}, {}, false, "the base model"},
      {"nothing to compare", measured(1, 80), {}, {}, {}, {}, true, "nothing"}};
  for (const Case& c : cases) {
    const Verdict verdict = decide(c.mine, c.base, c.baseline, c.thresholds, c.gate);
    EXPECT_EQ(verdict.better, c.better) << c.name << ": " << verdict.reason;
    EXPECT_THAT(verdict.reason, HasSubstr(c.reason)) << c.name;
  }
}

TEST(Verdict, WithoutLabelsLossIsCompared) {
  const Verdict verdict = decide(measured(1, 0, false), {}, measured(2, 0, false), {}, {});
  EXPECT_TRUE(verdict.better);
  EXPECT_EQ(verdict.metric, "loss");
  EXPECT_THAT(decide(measured(1, 0, false), {}, {}, {{"label_accuracy", 0.5}}, {}).reason, HasSubstr("not measured"));
}

TEST(Verdict, ModelsThatCannotBePairedAreNotBetter) {
  Measured fewer = measured(9, 1);
  fewer.scores.examples.pop_back();
  const Verdict verdict = decide(measured(1, 200), {}, fewer, {}, {});
  EXPECT_FALSE(verdict.better);
  EXPECT_THAT(verdict.reason, HasSubstr("cannot be paired"));
  EXPECT_THAT(decide(measured(1, 200, false), {}, measured(9, 1), {}, {.metric = "label_accuracy"}).reason,
              HasSubstr("was not measured of both"));
}

TEST(Gate, BadValuesAreErrors) {
  EXPECT_EQ(parse_gate(nullptr)->confidence, 0.95);
  const auto gate = parse_gate({{"metric", "loss"}, {"confidence", 0.9}, {"min_improvement", 0.1}, {"seed", 4}});
  ASSERT_TRUE(gate);
  EXPECT_EQ(gate->seed, 4U);
  EXPECT_EQ(gate->min_improvement, 0.1);
  for (const nlohmann::json& bad : std::vector<nlohmann::json>{3,
                                                               {{"metric", "accuracy"}},
                                                               {{"metric", 1}},
                                                               {{"confidence", 1}},
                                                               {{"confidence", "high"}},
                                                               {{"resamples", 10}},
                                                               {{"resamples", 1e3}},
                                                               {{"seed", -1}},
                                                               {{"min_improvement", nullptr}, {"confidence", 0.1}}}) {
    EXPECT_FALSE(parse_gate(bad)) << bad;
  }
}

TEST(Thresholds, UnknownMetricsAreErrors) {
  EXPECT_TRUE(parse_thresholds(nullptr)->empty());
  EXPECT_EQ(parse_thresholds({{"loss", 1}})->at("loss"), 1.0);
  EXPECT_FALSE(parse_thresholds({{"accuracy", 0.9}}));
  EXPECT_FALSE(parse_thresholds({{"loss", "low"}}));
}

TEST(Scores, AreALineForEachExample) {
  Measured model = measured(0.5, 1);
  model.scores.examples.resize(2);
  const std::string text = to_jsonl(model.scores, std::nullopt, ModelScores{{{2, 4, 3, false}}}, {1, 7});
  const auto second = nlohmann::json::parse(text.substr(text.find('\n') + 1));
  EXPECT_EQ(second["line"], 7);
  EXPECT_EQ(second["model"]["exact"], false);
  EXPECT_EQ(second["base"], nullptr);
  EXPECT_EQ(second["baseline"], nullptr);
  const auto first = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(first["baseline"]["loss"], 2);
  EXPECT_EQ(first["model"]["label_correct"], true);
}

TEST(Scores, AreKeptByTheirLines) {
  const ModelScores scores{{{1, 1, 1, std::nullopt}, {2, 2, 1, std::nullopt}, {3, 3, 1, std::nullopt}}};
  const ModelScores kept = scores_at(scores, {2, 5, 9}, {5, 7, 9});
  ASSERT_EQ(kept.examples.size(), 2U);
  EXPECT_EQ(kept.examples[0].loss, 2);
  EXPECT_EQ(kept.examples[1].loss, 3);
}

TEST(Report, TableCellsStayOnTheirLine) {
  EvalReport report;
  report.model = measured(1, 180);
  report.verdict = {true, "label_accuracy", "Because.", {}};
  report.samples = {{"a|b\nc", " x", std::nullopt, " y"}};
  EXPECT_THAT(to_markdown(report), HasSubstr("| a\\|b\\nc |  x |  |  y |\n"));
  EXPECT_EQ(to_json(report)["baseline_metrics"], nullptr);
  EXPECT_EQ(to_json(report)["metrics"]["label_accuracy"], 0.9);
}

}  // namespace
}  // namespace luthier::worker
