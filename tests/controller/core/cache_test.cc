// The step cache: when outputs are reused, and what a miss says.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

plan::Step training(const Json& with = {{"seed", 1}}) {
  plan::Step step = agent_step("train", "train");
  step.with = with;
  return step;
}

class CacheTest : public MachineFixture {
 protected:
  void run_through(std::vector<plan::Step> steps, const Json& outputs) {
    const std::string id = steps.front().id.value;
    submit(std::move(steps));
    start(id);
    finish(id, outputs);
    release(id);
  }
  // Whether a run of this one step is given outputs instead of running.
  bool reuses(const plan::Step& step) {
    submit({step});
    return journaled<StepSucceeded>().cached_from.value == "r-1" && state_.runs.empty();
  }
};

TEST_F(CacheTest, TheSameStepIsGivenTheOutputsAndStartsNothing) {
  connect("a-1");
  run_through({training()}, {{"value", 7}});
  EXPECT_THAT(submit({training()}),
              ElementsAre("journal run_submitted r-2", "publish run.queued ", "reply 7 ok", "publish run.started ",
                          "journal step_ready train", "journal step_succeeded train", "publish step.succeeded train",
                          "journal run_finished r-2", "publish run.succeeded "));
  EXPECT_EQ(journaled<StepSucceeded>().outputs["value"], 7);
  EXPECT_EQ(journaled<StepSucceeded>().cached_from, RunId{"r-1"});
  EXPECT_EQ(journaled<StepReady>().cache["hit"], (Json{{"run", "r-1"}, {"step", "train"}}));
}

TEST_F(CacheTest, AMissNamesEveryComponentThatDiffers) {
  connect("a-1");
  run_through({training({{"seed", 1}, {"data", artifact_json("a", "dataset")}})}, {});
  submit({training({{"seed", 2}, {"data", artifact_json("a", "dataset")}, {"dtype", "bfloat16"}})});
  EXPECT_EQ(journaled<StepReady>().cache["nearest"],
            (Json{{"run", "r-1"},
                  {"step", "train"},
                  {"changed",
                   {{{"component", "with.dtype"}, {"before", nullptr}, {"now", "bfloat16"}},
                    {{"component", "with.seed"}, {"before", 1}, {"now", 2}}}}}));
}

TEST_F(CacheTest, OtherResourcesOfATrainingAreAMiss) {
  connect("a-1");
  run_through({training()}, {});
  plan::Step wider = training();
  wider.resources.cpus = 2;
  submit({wider});
  EXPECT_EQ(journaled<StepReady>().cache["nearest"]["changed"],
            (Json::array({{{"component", "environment.cpus"}, {"before", 1.0}, {"now", 2.0}}})));
}

TEST_F(CacheTest, NamesOfModelsDoNotMatterButTheirWeightsDo) {
  connect("a-1");
  Json model = model_json("sha256:1", "");
  model["name"] = "one";
  run_through({training({{"model", model}})}, {});
  model["name"] = "two";
  model["version"] = 3;
  EXPECT_TRUE(reuses(training({{"model", model}})));
  EXPECT_FALSE(reuses(training({{"model", model_json("sha256:2", "")}})));
}

TEST_F(CacheTest, WhatIsNotToBeReusedRunsAgain) {
  struct Case {
    const char* name;
    std::string uses;
    std::optional<bool> cache;
    bool exclusive;
    bool reused;
  };
  const std::vector<Case> cases = {
      {"training", "train", std::nullopt, false, true},   {"preparation", "prepare", std::nullopt, false, true},
      {"evaluation", "eval", std::nullopt, false, true},  {"command", "run", std::nullopt, false, false},
      {"command that says so", "run", true, false, true}, {"training that says no", "train", false, false, false},
      {"exclusive step", "train", true, true, false}};
  connect("a-1");
  for (const Case& c : cases) {
    plan::Step step = agent_step("one", c.uses);
    step.cache = c.cache;
    step.exclusive = c.exclusive;
    step.with = {{"case", c.name}};
    run_through({step}, {});
    const std::string first = run_;
    submit({step});
    EXPECT_EQ(state_.runs.empty(), c.reused) << c.name;
    EXPECT_EQ(journaled<StepReady>().cache.contains("off"), !c.reused) << c.name;
    if (!c.reused) {
      start("one");
      finish("one");
      release("one");
    }
  }
}

TEST_F(CacheTest, AFailedStepLeavesNothingToReuse) {
  connect("a-1");
  submit({training()});
  start("train");
  fail("train", Outcome::kUserFailure);
  release("train");
  EXPECT_THAT(state_.cache, IsEmpty());
}

TEST_F(CacheTest, AModelThatServesKeepsTheVerdictThatItWasPromotedBy) {
  connect("a-1");
  const auto evaluation = [](const Json& baseline) {
    plan::Step step = agent_step("eval", "eval");
    step.with = {{"model", model_json("sha256:1", "sha256:2")}, {"baseline", baseline}};
    return step;
  };
  run_through({evaluation(nullptr)}, {{"better", true}});
  submit({evaluation(model_json("sha256:1", "sha256:2"))});
  EXPECT_EQ(journaled<StepSucceeded>().outputs, (Json{{"better", true}}));
  submit({evaluation(model_json("sha256:1", "sha256:3"))});
  EXPECT_EQ(state_.runs.size(), 1U);  // another baseline: evaluated anew
}

TEST(Cache, TheEntryThatWasNotUsedForLongestLeavesFirst) {
  State state;
  for (std::size_t i = 0; i < kCacheEntriesMax; ++i) {
    state.cache[std::to_string(i)].used = ++state.cache_uses;
  }
  plan::Plan plan;
  plan.pipeline = "p";
  plan.steps = {training()};
  apply(state, RunSubmitted{RunId{"r-9"}, plan, "", "", ""}, Now{});
  apply(state, StepReady{RunId{"r-9"}, StepId{"train"}, Json::object(), {{"components", {{"x", 1}}}}}, Now{});
  apply(state, StepSucceeded{RunId{"r-9"}, StepId{"train"}}, Now{});
  EXPECT_EQ(state.cache.size(), kCacheEntriesMax);
  EXPECT_FALSE(state.cache.contains("0"));
  EXPECT_TRUE(state.cache.contains(R"({"x":1})"));
}

}  // namespace
}  // namespace luthier::core::testing
