#include "pipelines/plan/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace luthier::plan {
namespace {

using ::testing::ElementsAre;

Step make_step(const std::string& id, const std::string& uses, const std::vector<std::string>& needs, Json with) {
  Step step;
  step.id = StepId{id};
  step.name = id;
  step.uses = uses;
  step.with = std::move(with);
  for (const std::string& need : needs) {
    step.needs.push_back(StepId{need});
  }
  return step;
}

// prepare → train → eval, and note beside them.
DiffSide base() {
  DiffSide side;
  side.plan.pipeline = "p";
  side.plan.params = {{"epochs", 3}};
  side.plan.steps = {
      make_step("prepare", "prepare", {}, {{"source", {{"$artifact", "sha256:1"}, {"kind", "source"}}}}),
      make_step("train", "train", {"prepare"}, {{"model", "tiny"}, {"method", {{"n_epochs", 3}, {"seed", 7}}}}),
      make_step("eval", "eval", {"train"}, {{"labels", {"a", "b"}}}),
      make_step("note", "run", {}, {{"command", "true"}})};
  side.facts = {{StepId{"train"}, {{"environment.release", "1"}, {"weights of with.model", {{"base", "sha256:m"}}}}}};
  return side;
}

// "train changed: with.method.n_epochs 3 -> 5", "eval upstream after train"
std::vector<std::string> lines(const std::vector<StepDiff>& steps) {
  std::vector<std::string> all;
  for (const StepDiff& step : steps) {
    std::string line = step.step.value + " " + to_string(step.kind);
    for (const StepId& need : step.after) {
      line += " after " + need.value;
    }
    for (const Change& change : step.changes) {
      line += "; " + change.component + " " + change.before.dump() + " -> " + change.now.dump();
    }
    all.push_back(line);
  }
  return all;
}

TEST(Diff, SaysWhichStepsRunAgainAndWhy) {
  using Lines = std::vector<std::string>;
  struct Case {
    const char* name;
    std::function<void(DiffSide&)> change;
    Lines expected;
  };
  const std::vector<Case> cases = {
      {"nothing", [](DiffSide&) {}, {"prepare unchanged", "train unchanged", "eval unchanged", "note unchanged"}},
      {"other bytes of a source",
       [](DiffSide& b) { b.plan.steps[0].with["source"]["$artifact"] = "sha256:2"; },
       {R"(prepare changed; with.source {"$artifact":"sha256:1","kind":"source"} -> {"$artifact":"sha256:2","kind":"source"})",
        "train upstream after prepare", "eval upstream after train", "note unchanged"}},
      {"a setting of the training",
       [](DiffSide& b) { b.plan.steps[1].with["method"]["n_epochs"] = 5; },
       {"prepare unchanged", "train changed; with.method.n_epochs 3 -> 5", "eval upstream after train",
        "note unchanged"}},
      {"a command",
       [](DiffSide& b) { b.plan.steps[3].with["command"] = "false"; },
       {"prepare unchanged", "train unchanged", "eval unchanged", R"(note changed; with.command "true" -> "false")"}},
      {"an input that is new, in a list, and gone",
       [](DiffSide& b) {
         b.plan.steps[2].with = {{"labels", {"a"}}, {"samples", 3}};
       },
       {"prepare unchanged", "train unchanged",
        R"(eval changed; with.labels ["a","b"] -> ["a"]; with.samples null -> 3)", "note unchanged"}},
      {"CPUs of the training, which its last bits depend on",
       [](DiffSide& b) { b.plan.steps[1].resources.cpus = 2; },
       {"prepare unchanged", "train changed; resources.cpus 1.0 -> 2.0", "eval upstream after train",
        "note unchanged"}},
      {"CPUs and time of a step that gives the same with others",
       [](DiffSide& b) {
         b.plan.steps[3].resources.cpus = 2;
         b.plan.steps[3].timeout = milliseconds(5'000);
       },
       {"prepare unchanged", "train unchanged", "eval unchanged",
        "note settings; resources.cpus 1.0 -> 2.0; timeout_ms 0 -> 5000"}},
      {"another release ran it",
       [](DiffSide& b) { b.facts[StepId{"train"}]["environment.release"] = "2"; },
       {"prepare unchanged", R"(train changed; environment.release "1" -> "2")", "eval upstream after train",
        "note unchanged"}},
      {"other weights under the same name",
       [](DiffSide& b) { b.facts[StepId{"train"}]["weights of with.model"]["base"] = "sha256:n"; },
       {"prepare unchanged", R"(train changed; weights of with.model {"base":"sha256:m"} -> {"base":"sha256:n"})",
        "eval upstream after train", "note unchanged"}},
      {"what only one side knows",
       [](DiffSide& b) { b.facts.clear(); },
       {"prepare unchanged", "train unchanged", "eval unchanged", "note unchanged"}},
      {"a step that is new and one that is gone",
       [](DiffSide& b) {
         b.plan.steps[3] = make_step("tell", "run", {"eval"}, {{"command", "true"}});
       },
       {"prepare unchanged", "train unchanged", "eval unchanged", "tell added", "note removed"}},
      {"a condition",
       [](DiffSide& b) { b.plan.steps[2].condition = "always()"; },
       {"prepare unchanged", "train unchanged", R"x(eval changed; if "" -> "always()")x", "note unchanged"}},
  };
  for (const Case& c : cases) {
    DiffSide other = base();
    c.change(other);
    EXPECT_EQ(lines(diff(base(), other)), c.expected) << c.name;
  }
}

TEST(Diff, NamesParamsThatDiffer) {
  Plan other = base().plan;
  other.params = {{"epochs", 5}, {"extra", "x"}};
  EXPECT_THAT(diff_params(base().plan, other), ElementsAre(Change{"epochs", 3, 5}, Change{"extra", Json(), "x"}));
}

}  // namespace
}  // namespace luthier::plan
