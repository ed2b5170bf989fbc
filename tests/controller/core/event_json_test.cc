#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "controller/core/core.h"
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

plan::Plan small_plan() {
  plan::Plan plan;
  plan.pipeline = "p";
  plan.params = {{"epochs", 3}};
  plan::Step step;
  step.id = StepId{"train[lr=0.1]"};
  step.name = "train";
  step.uses = "train";
  step.with = {{"model", "tiny"}, {"deep", {1, 2.5, nullptr, "ü"}}};
  step.condition = "steps.a.outputs.ok";
  step.needs = {StepId{"a"}};
  step.resources = {.nodes = 1, .gpus = 2, .cpus = 1.5, .memory_bytes = 1ULL << 40};
  step.retry.user = 2;
  step.timeout = milliseconds{3'600'000};
  step.priority = -3;
  step.exclusive = true;
  step.matrix = {{"lr", 0.1}};
  step.line = 12;
  plan.steps.push_back(step);
  return plan;
}

// One of every kind, with no member left at its default.
std::vector<Event> every_event() {
  const RunId run{"r-1"};
  const StepId step{"train[lr=0.1]"};
  const AttemptId attempt{run, step, 2};
  const AgentResources resources{1.5, kLargest, {{3, "H100", "GPU-1", 80ULL << 30}}, "cpu", "host", 29'500, 29'599};
  return {
      ControllerStarted{7, kLargest, 1'000},
      AgentJoined{AgentId{"a-1"}, "node \"1\"\n", "boot", resources, {{"gpu", "a100"}}, "0.1"},
      AgentLost{AgentId{"a-1"}, "silent"},
      RunSubmitted{run, small_plan(), "name: p\n", "p.yaml", "me"},
      StepReady{run, step, {{"data", {{"$artifact", "sha256:1"}}}}},
      StepSkipped{run, step, "skipped: a failed"},
      AttemptAssigned{
          attempt, {AgentId{"a-1"}, 0.1, 5, {0, 3}, "host:29500"}, "sha256:c", 50, {{AgentId{"a-2"}, 0.1, 5, {1}}}},
      AttemptStarted{attempt, 4'000'000'000'000},
      AttemptReady{attempt},
      CheckpointCommitted{attempt, {50, "sha256:c", "sha256:w", "adapter", {{"loss", 0.1}}}},
      AttemptEnded{attempt, Outcome::kTimedOut, -1, 9, "timeout", "it took too long", {{"cpu_seconds", 0.5}}},
      AllocationReleased{attempt, {{"gpu_seconds", 2.5}}},
      StepRetrying{run, step, Outcome::kUserFailure, -5},
      StepSucceeded{run, step, {{"x", {1, 2}}}},
      StepFailed{run, step, "code", "message"},
      StepCancelled{run, step},
      CancelRequested{run, "me"},
      RunFinished{run, RunStatus::kCancelled},
      ModelRegistered{"m", 3, {"sha256:b", "sha256:a"}, {{"run", "r-1"}}, {{"loss", 1}}, "text"},
      AliasMoved{"m", "production", 2, 3, "me", "better", true, true},
      DeploymentRequested{RunId{"d-1"}, "m@production", {"sha256:b", ""}},
      DeploymentStopped{RunId{"d-1"}, "idle"},
      StepWaiting{run, step, "no agent has 1 free CPU"},
      StorageChanged{"3 bytes free"},
      AgentCordoned{AgentId{"a-1"}, false, "me"},
      AgentDraining{AgentId{"a-1"}, 5, "me", true},
      AgentDrained{AgentId{"a-1"}},
      AgentForgotten{AgentId{"a-1"}, "me"},
      AttemptSilent{attempt, 60'000},
      AttemptPreempted{attempt, "drained"},
      RankFinished{{run, step, 2, 1}, {{"x", 1}}, {{"cpu_seconds", 0.5}}},
      StepRepeated{run, step, {{"baseline", 2}}, "the alias moved"},
      ModelDeleted{"m", 3, "me"},
      ApprovalDecided{run, step, true, "anna", "good"},
  };
}

TEST(Hash, IsTheSameForWholeNumbersComputedAndReadBack) {
  const Json computed = {{"sum", 3}, {"less", -3}};
  const Json read_back = Json::parse(computed.dump());
  ASSERT_NE(computed["sum"].type(), read_back["sum"].type());
  EXPECT_EQ(hash(computed), hash(read_back));
  EXPECT_NE(hash(Json(3)), hash(Json(3.0)));
  EXPECT_NE(hash(Json(3)), hash(Json(-3)));
}

TEST(EventJson, EveryEventSurvivesTheRoundTripThroughText) {
  const std::vector<Event> events = every_event();
  ASSERT_EQ(events.size(), std::variant_size_v<Event>);
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i].index(), i);  // one of every kind
    const std::string text = event_to_json(events[i]).dump();
    const Result<Event> read = event_from_json(event_name(events[i]), Json::parse(text));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_TRUE(*read == events[i]) << text;
  }
}

// Journals of released versions hold these names: a change here loses people's history.
TEST(EventJson, NamesNeverChange) {
  const std::vector<std::string> names{
      "controller_started",   "agent_joined",        "agent_lost",      "run_submitted",    "step_ready",
      "step_skipped",         "attempt_assigned",    "attempt_started", "attempt_ready",    "checkpoint_committed",
      "attempt_ended",        "allocation_released", "step_retrying",   "step_succeeded",   "step_failed",
      "step_cancelled",       "cancel_requested",    "run_finished",    "model_registered", "alias_moved",
      "deployment_requested", "deployment_stopped",  "step_waiting",    "storage_changed",  "agent_cordoned",
      "agent_draining",       "agent_drained",       "agent_forgotten", "attempt_silent",   "attempt_preempted",
      "rank_finished",        "step_repeated",       "model_deleted",   "approval_decided"};
  const std::vector<Event> events = every_event();
  ASSERT_EQ(names.size(), events.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(event_name(events[i]), names[i]);
  }
}

TEST(EventJson, AbsentMembersKeepTheirDefaultsAndUnknownOnesAreIgnored) {
  const Result<Event> read =
      event_from_json("attempt_ended", {{"attempt", {{"run", "r-1"}, {"step", "s"}}}, {"of_a_later_version", 1}});
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(*read == (Event{AttemptEnded{.attempt = {RunId{"r-1"}, StepId{"s"}, 0}}}));
}

TEST(EventJson, AnUnknownEventIsRefusedWithWhatToDo) {
  const Result<Event> read = event_from_json("step_exploded", Json::object());
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(read.error().message, HasSubstr("'step_exploded'"));
  EXPECT_THAT(read.error().message, HasSubstr("newer version"));
}

TEST(EventJson, WrongTypesAreRefusedAndNamed) {
  struct Case {
    const char* event;
    Json body;
    const char* message;
  };
  const std::vector<Case> cases{
      {"step_ready", 5, "not an object"},
      {"step_ready", {{"run", 5}}, "`run` is not text"},
      {"attempt_started", {{"attempt", {{"number", "x"}}}}, "`number` is not a whole number in range"},
      {"attempt_started", {{"attempt", {{"number", 3'000'000'000}}}}, "whole number in range"},
      {"attempt_started", {{"attempt", {{"number", 1.5}}}}, "whole number in range"},
      {"controller_started", {{"epoch", -1}}, "whole number in range"},
      {"attempt_ended", {{"outcome", "exploded"}}, "`outcome` is not one of its names"},
      {"attempt_assigned", {{"allocation", {{"gpus", {0, "one"}}}}}, "an item is not a whole number"},
      {"attempt_assigned", {{"allocation", {{"cpus", true}}}}, "`cpus` is not a number"},
      {"run_submitted", {{"plan", 3}}, "`plan` is not a plan"},
      {"run_finished", {{"status", nullptr}}, "`status` is not one of its names"},
  };
  for (const Case& each : cases) {
    const Result<Event> read = event_from_json(each.event, each.body);
    ASSERT_FALSE(read.has_value()) << each.event << each.body;
    EXPECT_THAT(read.error().message, HasSubstr(each.message));
  }
}

TEST(StateJson, WrongMembersAreRefusedAndNamed) {
  struct Case {
    const char* body;
    const char* message;
  };
  const std::vector<Case> cases{
      {"5", "not an object"},
      {R"({"agents": [1]})", "`agents` is not a list of pairs"},
      {R"({"runs": [["r-1", {"started": 1}]]})", "`started` is not true or false"},
      {R"({"agents": [["a-1", {"status": "asleep"}]]})", "`status` is not one of its names"},
      {R"({"models": [["m", {"versions": [["one", {}]]}]]})", "a key is not a whole number"},
  };
  for (const Case& each : cases) {
    const Result<State> read = state_from_json(Json::parse(each.body));
    ASSERT_FALSE(read.has_value()) << each.body;
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
    EXPECT_THAT(read.error().message, HasSubstr(each.message));
  }
}

TEST(Hash, OfANumberIsThatOfItsText) {
  for (const Json& value : {Json(5), Json(5U), Json(-5), Json(5.0), Json(0.1), Json(0)}) {
    EXPECT_EQ(hash(value), hash(Json::parse(value.dump()))) << value;
  }
}

TEST(Hash, DiffersForEveryEventApplied) {
  State state;
  std::uint64_t before = hash(state);
  plan::Plan plan = small_plan();
  plan.steps[0].needs.clear();
  const AttemptId attempt{RunId{"r-1"}, plan.steps[0].id, 1};
  const std::vector<Event> history{
      ControllerStarted{1, 2},
      AgentJoined{AgentId{"a-1"}, "n", "b", {.cpus = 1}},
      RunSubmitted{RunId{"r-1"}, plan, "", "", ""},
      StepReady{RunId{"r-1"}, plan.steps[0].id, {{"x", 1}}},
      AttemptAssigned{attempt, {.agent = AgentId{"a-1"}, .cpus = 1}},
      AttemptStarted{attempt, 9},
      CheckpointCommitted{attempt, {.step = 1}},
      AttemptEnded{.attempt = attempt, .outcome = Outcome::kUserFailure},
      StepRetrying{RunId{"r-1"}, plan.steps[0].id, Outcome::kUserFailure, 5},
      AllocationReleased{attempt},
      AgentLost{AgentId{"a-1"}, "silent"},
      ModelRegistered{.model = "m", .version = 1, .weights = {.base = "b"}},
      AliasMoved{.model = "m", .alias = "production", .to_version = 1},
      DeploymentRequested{RunId{"d-1"}, "m", {.base = "b"}},
      DeploymentStopped{RunId{"d-1"}, "idle"},
      RunFinished{RunId{"r-1"}, RunStatus::kFailed},
  };
  for (const Event& event : history) {
    apply(state, event, Now{1'000, 1});
    EXPECT_NE(hash(state), before) << event_name(event);
    testing::check_snapshot(state);
    before = hash(state);
  }
}

}  // namespace
}  // namespace luthier::core
