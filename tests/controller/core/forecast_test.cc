// What a run would do now, held against what it then does.
#include "controller/core/forecast.h"

#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ForecastTest : public MachineFixture {
 protected:
  // prepare → upload → train → eval (if the training says so)
  static std::vector<plan::Step> steps(int seed = 1, const std::string& source = "rows") {
    plan::Step prepare = agent_step("prepare", "prepare");
    prepare.with = {{"source", source}};
    plan::Step train = agent_step("train", "train", {"upload"});
    train.with = {{"data", "${{ steps.upload.outputs.training }}"}, {"model", "tiny"}, {"seed", seed}};
    plan::Step eval = agent_step("eval", "eval", {"train"});
    eval.condition = "success() && (steps.train.outputs.good)";
    eval.with = {{"data", artifact_json("sha256:t", "dataset")}};
    return {prepare, controller_step("upload", {"prepare"}, {{"training", "${{ steps.prepare.outputs.train }}"}}),
            train, eval};
  }
  static plan::Plan plan_of(std::vector<plan::Step> steps) {
    plan::Plan plan;
    plan.pipeline = "p";
    plan.steps = std::move(steps);
    return plan;
  }
  void run_once() {
    connect("a-1");
    feed(RegisterModel{.request = 1, .model = "tiny", .weights = {.base = "sha256:tiny"}});
    submit(steps());
    for (const auto& [step, outputs] :
         {std::pair<std::string, Json>{"prepare", {{"train", artifact_json("sha256:d", "dataset")}}},
          {"train", {{"good", true}}},
          {"eval", Json::object()}}) {
      start(step);
      finish(step, outputs);
      release(step);
    }
  }
  Lines lines(const std::vector<plan::Step>& wanted) const {
    Lines all;
    for (const StepForecast& step : forecast(state_, plan_of(wanted))) {
      all.push_back(step.step.value + " " + to_string(step.decision) + ": " + step.why);
    }
    return all;
  }
};

TEST_F(ForecastTest, AnUnchangedPipelineReusesAndTheMachineAgrees) {
  run_once();
  const State before = state_;
  EXPECT_THAT(lines(steps()), ElementsAre("prepare reuse: run r-1 made its outputs from the same",
                                          "upload controller: the controller does it, each time",
                                          "train reuse: run r-1 made its outputs from the same",
                                          "eval reuse: run r-1 made its outputs from the same"));
  EXPECT_EQ(hash(state_), hash(before));
  submit(steps());
  EXPECT_TRUE(state_.runs.empty());  // all of it was there already
}

TEST_F(ForecastTest, AChangeRunsItsStepAndLeavesOpenWhatHangsOnIt) {
  run_once();
  EXPECT_THAT(lines(steps(2)),
              ElementsAre("prepare reuse: run r-1 made its outputs from the same",
                          "upload controller: the controller does it, each time", "train run: differs from run r-1",
                          "eval open: `if: success() && (steps.train.outputs.good)` is decided by train"));
  const std::vector<StepForecast> found = forecast(state_, plan_of(steps(2)));
  EXPECT_EQ(found[2].cache["nearest"]["changed"],
            (Json::array({{{"component", "with.seed"}, {"before", 1}, {"now", 2}}})));
}

TEST_F(ForecastTest, WhatIsKnownOfAStepIsComparedWhileItsDataIsNot) {
  run_once();
  const std::vector<StepForecast> found = forecast(state_, plan_of(steps(2, "other rows")));
  EXPECT_EQ(found[0].decision, StepForecast::Decision::kRun);
  EXPECT_EQ(found[2].decision, StepForecast::Decision::kRun);
  EXPECT_THAT(found[2].open, ElementsAre("data"));
  EXPECT_THAT(found[2].waits_for, ElementsAre(StepId{"upload"}));
  EXPECT_THAT(found[2].why, HasSubstr("runs after upload, unless the outputs are then those of before"));
  EXPECT_EQ(found[2].cache["nearest"]["changed"],
            (Json::array({{{"component", "with.seed"}, {"before", 1}, {"now", 2}}})));
}

TEST_F(ForecastTest, WhatCannotBeResolvedFailsAndWhatFollowsIsSkipped) {
  connect("a-1");
  std::vector<plan::Step> wanted = steps();
  wanted[1].condition = "false";
  EXPECT_THAT(lines(wanted),
              ElementsAre("prepare run: no earlier run of this pipeline that is still remembered has made its outputs",
                          "upload skip: `if: false` is false", "train skip: upload is skipped",
                          "eval skip: `if: success() && (steps.train.outputs.good)` is false"));
  wanted = {agent_step("train", "train"), agent_step("after", "run", {"train"})};
  wanted[0].with = {{"model", "tyni"}};
  EXPECT_THAT(lines(wanted), ElementsAre(HasSubstr("train fail: "), "after skip: train would fail"));
}

TEST_F(ForecastTest, AStepThatIsNeverReusedSaysWhy) {
  std::vector<plan::Step> wanted = {agent_step("one")};
  EXPECT_THAT(lines(wanted),
              ElementsAre("one run: it is never reused (a `run` step is reused only where it says `cache: true`)"));
}

}  // namespace
}  // namespace luthier::core::testing
