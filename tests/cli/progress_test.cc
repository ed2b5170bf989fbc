#include "cli/progress.h"

#include <gtest/gtest.h>

namespace luthier::cli {
namespace {

constexpr std::int64_t kStart = 1'795'220'422'000;  // 2026-11-21T00:20:22Z

Json step(const std::string& id, const std::string& status) {
  return {{"id", id},
          {"uses", "train"},
          {"status", status},
          {"reason", ""},
          {"attempt", 1},
          {"attempts", Json::array()},
          {"started_at", "2026-11-21T00:20:22.000Z"},
          {"finished_at", nullptr},
          {"outputs", nullptr},
          {"progress", nullptr}};
}

Json run_of(const std::vector<Json>& steps) { return {{"id", "r-1"}, {"status", "running"}, {"steps", steps}}; }

Json attempt(int number, const std::string& status, bool ended) {
  return {{"number", number},
          {"agent", "a-1"},
          {"status", status},
          {"ended_at", ended ? Json("2026-11-21T00:20:30.000Z") : Json()},
          {"error_message", ended ? "the agent is lost" : ""}};
}

TEST(Progress, EachThingIsToldOnce) {
  RunProgress progress({.terminal = false});
  Json train = step("train", "ready");
  train["reason"] = "waits for an agent";
  using Lines = std::vector<std::string>;
  EXPECT_EQ(progress.news(run_of({train}), kStart), Lines{"train  waits for an agent"});
  EXPECT_EQ(progress.news(run_of({train}), kStart), Lines{});
  train = step("train", "running");
  train["attempts"] = {attempt(1, "running", false)};
  EXPECT_EQ(progress.news(run_of({train}), kStart), Lines{"train  running on a-1"});
  train["progress"] = {
      {"done", 50},       {"total", 200}, {"unit", "steps"}, {"loss", 1.25}, {"tokens_per_second", 1210.2},
      {"eta_seconds", 31}};
  EXPECT_EQ(progress.news(run_of({train}), kStart + 1'000), Lines{});
  EXPECT_EQ(progress.news(run_of({train}), kStart + 5'000),
            Lines{"train  50/200 steps  loss 1.25  1,210 tokens/s  0:31 left"});
  EXPECT_EQ(progress.news(run_of({train}), kStart + 5'400), Lines{});
  train["attempts"] = {attempt(1, "infrastructure_failure", true), attempt(2, "running", false)};
  EXPECT_EQ(progress.news(run_of({train}), kStart + 5'500),
            Lines{"train  attempt 1 on a-1 ended: infrastructure_failure (the agent is lost); trying again"});
  train["status"] = "succeeded";
  train["finished_at"] = "2026-11-21T00:21:04.000Z";
  train["attempts"] = {attempt(1, "infrastructure_failure", true), attempt(2, "succeeded", true)};
  train["outputs"] = {{"steps", 200}, {"train_loss", 0.5}, {"full_valid_loss", 0.625}};
  EXPECT_EQ(progress.news(run_of({train}), kStart + 60'000),
            Lines{"train  succeeded in 42 s  200 steps, train_loss 0.5, full_valid_loss 0.625"});
  EXPECT_EQ(progress.news(run_of({train}), kStart + 60'000), Lines{});
  RunProgress again({.terminal = true});
  train["with"] = Json::parse(R"({"method": {"supervised": {"n_epochs": "auto", "batch_size": "auto"}}})");
  train["outputs"]["hyperparameters"] = {{"n_epochs", 3}, {"batch_size", 16}, {"learning_rate_multiplier", 1}};
  EXPECT_EQ(
      again.news(run_of({train}), kStart + 60'000).back(),
      "train  succeeded in 42 s  200 steps, train_loss 0.5, full_valid_loss 0.625; auto n_epochs 3, batch_size 16");
}

TEST(Progress, FailuresAndSkipsSayWhy) {
  RunProgress progress({.terminal = true});
  Json failed = step("train", "failed");
  failed["reason"] = "the data is empty";
  failed["finished_at"] = "2026-11-21T00:20:23.500Z";
  failed["attempts"] = {attempt(1, "user_failure", true)};
  Json skipped = step("promote", "skipped");
  skipped["reason"] = "train failed";
  skipped["started_at"] = nullptr;
  EXPECT_EQ(
      progress.news(run_of({failed, skipped}), kStart + 9'000),
      (std::vector<std::string>{"train    failed after 1.5 s: the data is empty", "promote  skipped: train failed"}));
}

TEST(Progress, TheLiveAreaShowsWhatRunsWithABarAndFitsTheTerminal) {
  const RunProgress progress({.terminal = true, .width = 60});
  Json train = step("train", "running");
  train["progress"] = {
      {"done", 50},       {"total", 100}, {"unit", "steps"}, {"loss", 1.25}, {"tokens_per_second", 1210.2},
      {"eta_seconds", 31}};
  const auto lines = progress.live(run_of({step("a", "succeeded"), train, step("eval", "waiting")}), kStart);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(0, 42), "train  [############------------] 50/100 s");
  EXPECT_LE(columns_of(lines[0]), 59U);
  EXPECT_TRUE(RunProgress({.terminal = false}).live(run_of({train}), kStart).empty());
}

TEST(Progress, SummariesComeFromOutputs) {
  struct Case {
    const char* uses;
    Json outputs;
    const char* summary;
  };
  for (const Case& item : std::vector<Case>{
           {"prepare", {{"rows", {{"read", 2480}, {"kept", 2313}}}}, "kept 2,313 of 2,480 rows"},
           {"checkpoint",
            {{"step", 150}, {"metric", "full_valid_loss"}, {"metrics", {{"full_valid_loss", 0.25}}}},
            "chose step 150, full_valid_loss 0.25"},
           {"eval",
            {{"metrics", {{"label_accuracy", 0.98}}}, {"base_metrics", {{"label_accuracy", 0.5}}}, {"reason", "good"}},
            "label_accuracy 0.98 (base 0.5); good"},
           {"promote", {{"name", "sports"}, {"alias", "production"}, {"version", 2}}, "sports@production is version 2"},
           {"register", {{"name", "tiny"}, {"version", 1}}, "tiny is version 1"},
           {"run", {{"x", 1}}, ""},
           {"prepare", nullptr, ""},
           {"prepare", {{"rows", 3}}, ""},
           {"eval", {{"metrics", "none"}}, ""},
       }) {
    EXPECT_EQ(summary_of({{"uses", item.uses}, {"outputs", item.outputs}}), item.summary) << item.uses;
  }
}

}  // namespace
}  // namespace luthier::cli
