// Running an ended run again: what is taken over, and how the machine takes it.
#include "controller/core/rerun.h"

#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// prepare → train → eval → promote, and alone beside them; try[i=0] and try[i=1] need prepare.
plan::Plan diamond() {
  plan::Plan plan;
  plan.pipeline = "p";
  plan.steps = {agent_step("prepare", "prepare"), agent_step("alone"), agent_step("train", "train", {"prepare"}),
                agent_step("eval", "eval", {"train"}), controller_step("promote", {"eval"}, Json::object())};
  for (const char* member : {"try[i=0]", "try[i=1]"}) {
    plan.steps.push_back(agent_step(member, "run", {"prepare"}));
    plan.steps.back().name = "try";
  }
  return plan;
}

std::map<StepId, EndedStep> ended(const std::map<std::string, StepStatus>& different) {
  std::map<StepId, EndedStep> steps;
  for (const plan::Step& step : diamond().steps) {
    const auto found = different.find(step.id.value);
    steps[step.id] = {.status = found == different.end() ? StepStatus::kSucceeded : found->second,
                      .made = {.with = Json::object(), .outputs = {{"of", step.id.value}}, .made_by = RunId{"r-1"}}};
  }
  return steps;
}

std::string words(const auto& steps, const auto& id_of) {
  std::string text;
  for (const auto& each : steps) {
    text += (text.empty() ? "" : " ") + id_of(each).value;
  }
  return text;
}
std::string words(const std::set<StepId>& steps) {
  return words(steps, [](const StepId& id) { return id; });
}
std::string words(const std::map<StepId, TakenOver>& steps) {
  return words(steps, [](const auto& each) { return each.first; });
}

TEST(Rerun, WhatFailedAndAllAfterItIsDoneAnew) {
  using enum StepStatus;
  struct Case {
    const char* name;
    std::map<std::string, StepStatus> ended;
    std::string from, taken, anew, from_now;
  };
  const std::vector<Case> cases = {
      {"a failure in the middle",
       {{"train", kFailed}, {"eval", kSkipped}, {"promote", kSkipped}},
       "",
       "alone prepare try[i=0] try[i=1]",
       "eval promote train",
       ""},
      {"one member of a matrix",
       {{"try[i=1]", kFailed}},
       "",
       "alone eval prepare promote train try[i=0]",
       "try[i=1]",
       ""},
      {"a step that its condition skipped",
       {{"promote", kSkipped}, {"alone", kFailed}},
       "",
       "eval prepare train try[i=0] try[i=1]",
       "alone",
       ""},
      {"a cancelled run",
       {{"eval", kCancelled}, {"promote", kCancelled}},
       "",
       "alone prepare train try[i=0] try[i=1]",
       "eval promote",
       ""},
      {"starting over from a step that succeeded",
       {},
       "eval",
       "alone prepare train try[i=0] try[i=1]",
       "eval promote",
       "eval promote"},
      {"starting over from all members",
       {},
       "try",
       "alone eval prepare promote train",
       "try[i=0] try[i=1]",
       "try[i=0] try[i=1]"},
      {"starting over beside a failure",
       {{"alone", kFailed}},
       "promote",
       "eval prepare train try[i=0] try[i=1]",
       "alone promote",
       "promote"},
      {"starting over from the first",
       {},
       "prepare",
       "alone",
       "eval prepare promote train try[i=0] try[i=1]",
       "eval prepare promote train try[i=0] try[i=1]"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Result<Rerun> rerun = make_rerun(diamond(), ended(c.ended), c.from);
    ASSERT_TRUE(rerun.has_value()) << rerun.error().message;
    EXPECT_EQ(words(rerun->taken_over), c.taken);
    EXPECT_EQ(words(rerun->anew), c.anew);
    EXPECT_EQ(words(rerun->from_now), c.from_now);
  }
}

TEST(Rerun, OutputsThatAreGoneAreMadeAgainWithAllAfterThem) {
  std::map<StepId, EndedStep> steps = ended({});
  steps[StepId{"train"}].outputs_gone = true;
  const Result<Rerun> rerun = make_rerun(diamond(), steps, "");
  ASSERT_TRUE(rerun.has_value());
  EXPECT_EQ(words(rerun->anew), "eval promote train");
}

TEST(Rerun, NothingToDoAndUnknownStepsAreRefused) {
  const Result<Rerun> nothing = make_rerun(diamond(), ended({{"promote", StepStatus::kSkipped}}), "");
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(nothing.error().message, HasSubstr("nothing to run again"));
  const Result<Rerun> unknown = make_rerun(diamond(), ended({}), "trai");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean 'train'"));
}

TEST(Rerun, WhatHadReachedACheckpointGoesOnFromItUnlessItIsToStartOver) {
  std::map<StepId, EndedStep> steps = ended({{"train", StepStatus::kFailed}, {"eval", StepStatus::kSkipped}});
  const Unfinished reached{.with = {{"data", "rows"}}, .checkpoints = {{.step = 20, .artifact = "c-20"}}};
  steps[StepId{"train"}].reached = reached;
  const std::map<StepId, Unfinished> wanted{{StepId{"train"}, reached}};
  EXPECT_EQ(make_rerun(diamond(), steps, "")->unfinished, wanted);
  EXPECT_EQ(make_rerun(diamond(), steps, "eval")->unfinished, wanted);
  EXPECT_TRUE(make_rerun(diamond(), steps, "train")->unfinished.empty());
  EXPECT_TRUE(make_rerun(diamond(), steps, "prepare")->unfinished.empty());
}

class RerunMachineTest : public MachineFixture {
 protected:
  static plan::Plan two() {
    plan::Plan plan;
    plan.pipeline = "p";
    plan.steps = {agent_step("prepare", "prepare"), agent_step("train", "run", {"prepare"})};
    plan.steps[0].cache = false;
    plan.steps[1].with = {{"data", "${{ steps.prepare.outputs.train }}"}};
    return plan;
  }
  Lines rerun(std::map<StepId, TakenOver> taken, std::map<StepId, Unfinished> unfinished = {},
              plan::Plan plan = two()) {
    run_ = "r-" + std::to_string(state_.next_run);
    return feed(SubmitRun{.request = 8,
                          .plan = std::move(plan),
                          .yaml = "",
                          .file_name = "",
                          .submitted_by = "",
                          .rerun_of = RunId{"r-1"},
                          .taken_over = std::move(taken),
                          .unfinished = std::move(unfinished)});
  }
  void fail_first_run() {
    connect("a-1");
    submit(two().steps);
    start("prepare");
    finish("prepare", {{"train", "rows"}});
    release("prepare");
    start("train");
    fail("train", Outcome::kUserFailure);
    release("train");
  }
  static std::map<StepId, TakenOver> prepared() {
    return {{StepId{"prepare"}, {.with = {{"source", "s"}}, .outputs = {{"train", "rows"}}, .made_by = RunId{"r-1"}}}};
  }
};

TEST_F(RerunMachineTest, TakesOverAtOnceAndStartsWhatIsLeft) {
  fail_first_run();
  EXPECT_THAT(
      rerun(prepared()),
      ElementsAre("journal run_submitted r-2", "publish run.queued ", "reply 8 ok", "publish run.started ",
                  "journal step_ready prepare", "journal step_succeeded prepare", "publish step.succeeded prepare",
                  "journal step_ready train", "journal attempt_assigned r-2/train/1", "send a-1 start r-2/train/1"));
  EXPECT_EQ(live("prepare").outputs, (Json{{"train", "rows"}}));
  EXPECT_EQ(live("prepare").cache, (Json{{"taken_from", "r-1"}}));
  EXPECT_EQ(live("prepare").with, (Json{{"source", "s"}}));
  EXPECT_EQ(live("train").with, (Json{{"data", "rows"}}));
  EXPECT_EQ(journaled<RunSubmitted>().rerun_of, RunId{"r-1"});
  EXPECT_EQ(journaled<StepSucceeded>().cached_from, RunId{"r-1"});
  EXPECT_TRUE(state_.cache.empty());  // what is taken over without a key teaches the cache nothing
}

TEST_F(RerunMachineTest, ATrainingGoesOnFromTheNewestCheckpointOfTheSameInputs) {
  fail_first_run();
  const std::vector<Checkpoint> reached{{.step = 10, .artifact = "c-10", .model = "m-10", .model_kind = "adapter"},
                                        {.step = 20, .artifact = "c-20", .model = "m-20", .model_kind = "adapter"}};
  for (const auto& [data, resume_step] : {std::pair("rows", 20), std::pair("other rows", 0)}) {
    SCOPED_TRACE(data);
    rerun(prepared(), {{StepId{"train"}, {.with = {{"data", data}}, .checkpoints = reached}}});
    EXPECT_EQ(journaled<AttemptAssigned>().resume_step, resume_step);
    EXPECT_EQ(journaled<AttemptAssigned>().resume_artifact, resume_step == 0 ? "" : "c-20");
    if (resume_step > 0) {  // what lies behind it is refused as it always is
      start("train");
      offer("train", 15);
      EXPECT_EQ(live("train").checkpoints, reached);
      offer("train", 30);
      EXPECT_EQ(live("train").checkpoints.size(), 3U);
    }
    feed(CancelRun{.request = 9, .run = RunId{run_}, .by = ""});
    release("train");
  }
}

// Not even a step that may not be reused by its key runs again: that is what a rerun is for. But outputs must not
// stand beside needs that gave others.
TEST_F(RerunMachineTest, TakesNothingOverBehindAStepThatRuns) {
  fail_first_run();
  rerun({{StepId{"train"}, {.with = Json::object(), .outputs = {{"model", "old"}}, .made_by = RunId{"r-1"}}}});
  EXPECT_EQ(live("prepare").status, StepStatus::kAssigned);
  start("prepare");
  finish("prepare", {{"train", "other rows"}});
  release("prepare");
  EXPECT_EQ(live("train").status, StepStatus::kAssigned);
  EXPECT_EQ(live("train").with, (Json{{"data", "other rows"}}));
}

TEST_F(RerunMachineTest, AConditionIsLookedAtAgainAndOtherRunsAreLeftAlone) {
  connect("a-1");
  plan::Plan plan = two();
  plan.steps[1].condition = "steps.prepare.outputs.train == 'rows'";
  fail_first_run();
  rerun({{StepId{"prepare"}, {.with = Json::object(), .outputs = {{"train", "none"}}, .made_by = RunId{"r-1"}}}}, {},
        plan);
  EXPECT_TRUE(state_.runs.empty());  // skipped, so the run is over
  run_ = "r-3";
  submit(two().steps);
  EXPECT_EQ(live("prepare").status, StepStatus::kAssigned);
}

}  // namespace
}  // namespace luthier::core::testing
