#include "pipelines/plan/make_plan.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace luthier::plan {
namespace {

spec::Spec parse(const std::string& text) {
  spec::ParsedSpec parsed = spec::parse_spec(text, "f.yaml");
  for (const spec::Diagnostic& error : parsed.errors) {
    ADD_FAILURE() << to_string(error);
  }
  LUTHIER_CHECK(parsed.spec.has_value());
  return std::move(*parsed.spec);
}

spec::Spec good(const std::string& name) {
  const auto text = read_file(LUTHIER_SOURCE_DIR "/tests/specs/good/" + name);
  LUTHIER_CHECK(text.has_value());
  return parse(*text);
}

std::vector<std::string> errors(const MadePlan& made) {
  std::vector<std::string> texts;
  for (const spec::Diagnostic& error : made.errors) {
    texts.push_back(to_string(error));
  }
  return texts;
}

Plan plan(const spec::Spec& spec, const ParamValues& params = {}, const SourceMap& sources = {},
          PlanMode mode = PlanMode::kRun) {
  MadePlan made = make_plan(spec, params, sources, mode);
  EXPECT_THAT(errors(made), testing::IsEmpty());
  LUTHIER_CHECK(made.plan.has_value());
  return std::move(*made.plan);
}

const Step& step(const Plan& plan, const std::string& id) {
  for (const Step& candidate : plan.steps) {
    if (candidate.id.value == id) {
      return candidate;
    }
  }
  ADD_FAILURE() << "no step " << id;
  return plan.steps.front();
}

std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> result;
  for (const Step& candidate : plan.steps) {
    result.push_back(candidate.id.value);
  }
  return result;
}

std::vector<std::string> needs(const Plan& plan, const std::string& id) {
  std::vector<std::string> result;
  for (const StepId& need : step(plan, id).needs) {
    result.push_back(need.value);
  }
  return result;
}

const Json kSource = {{"$artifact", "sha256:ab"}, {"kind", "source"}};

TEST(MakePlan, QuickstartBecomesSixStepsInOrder) {
  const Plan made = plan(good("quickstart.yaml"), {{"epochs", "5"}}, {{"data/*.jsonl", kSource}});
  EXPECT_EQ(made.pipeline, "support-bot");
  EXPECT_EQ(made.params, (Json{{"base_model", "tiny-llama"}, {"epochs", 5}}));
  EXPECT_THAT(ids(made), testing::ElementsAre("prepare", "upload", "train", "checkpoint", "eval", "promote"));
  EXPECT_EQ(step(made, "prepare").with["source"], kSource);
  const Step& train = step(made, "train");
  EXPECT_EQ(train.with["model"], "tiny-llama");
  EXPECT_EQ(train.with["method"]["supervised"]["n_epochs"], 5);
  EXPECT_EQ(train.with["data"], "${{ steps.upload.outputs.training }}");
  EXPECT_EQ(train.with["dtype"], "float32");
  EXPECT_EQ(train.resources.gpus, 1);
  EXPECT_EQ(train.retry.infrastructure, 5);
  EXPECT_EQ(train.retry.backoff_min, milliseconds{10'000});
  EXPECT_EQ(train.retry.backoff_max, milliseconds{600'000});
  EXPECT_EQ(train.timeout, milliseconds{21'600'000});
  EXPECT_EQ(train.line, 17);
  EXPECT_EQ(train.place, Place::kAgent);
  EXPECT_EQ(step(made, "upload").place, Place::kController);
  EXPECT_THAT(needs(made, "eval"), testing::ElementsAre("checkpoint", "upload"));
  EXPECT_EQ(step(made, "promote").condition, "success() && (steps.eval.outputs.better)");
  EXPECT_THAT(needs(made, "promote"), testing::ElementsAre("checkpoint", "eval"));
}

TEST(MakePlan, RoundTripsThroughJson) {
  for (const char* name :
       {"quickstart.yaml", "matrix.yaml", "settings.yaml", "conditions.yaml", "pretrain.yaml", "matrix_include.yaml"}) {
    const Plan made = plan(good(name), {}, {}, PlanMode::kOffline);
    const auto back = plan_from_json(Json::parse(to_json(made).dump()));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, made) << name;
  }
}

TEST(PlanFromJson, NamesWhatIsWrong) {
  Json json = to_json(plan(good("smallest.yaml")));
  EXPECT_EQ(plan_from_json(Json()).error().message, "plan.pipeline is missing");
  json["steps"][0].erase("uses");
  EXPECT_EQ(plan_from_json(json).error().message, "plan.steps[0].uses is missing");
  json["steps"][0]["uses"] = 3;
  EXPECT_EQ(plan_from_json(json).error().message, "plan.steps[0].uses has the wrong type");
  json["steps"][0]["uses"] = "run";
  json["steps"][0]["place"] = "moon";
  EXPECT_EQ(plan_from_json(json).error().message, "plan.steps[0].place must be \"agent\" or \"controller\"");
  json["steps"][0]["place"] = "agent";
  json["steps"][0]["retry"].erase("user");
  EXPECT_EQ(plan_from_json(json).error().message, "plan.steps[0].retry.user is missing");
}

TEST(MakePlan, ExpandsAMatrixAndLinksItsMembers) {
  const Plan made = plan(good("matrix.yaml"), {}, {{"data.csv", kSource}});
  EXPECT_THAT(ids(made), testing::ElementsAre(
                             "prepare", "train[lr=0.0001,seed=1]", "train[lr=0.0001,seed=2]", "train[lr=0.0003,seed=1]",
                             "train[lr=0.001,seed=1]", "train[lr=0.001,seed=2]", "eval[lr=0.0001,seed=1]",
                             "eval[lr=0.0001,seed=2]", "eval[lr=0.001,seed=1]", "eval[lr=0.001,seed=2]", "compare"));
  const Step& member = step(made, "train[lr=0.001,seed=2]");
  EXPECT_EQ(member.name, "train");
  EXPECT_EQ(member.matrix, (Json{{"lr", 0.001}, {"seed", 2}}));
  EXPECT_EQ(member.with["method"]["supervised"], (Json{{"learning_rate", 0.001}, {"seed", 2}}));
  EXPECT_THAT(needs(made, "eval[lr=0.001,seed=2]"), testing::ElementsAre("prepare", "train[lr=0.001,seed=2]"));
  EXPECT_EQ(needs(made, "compare").size(), 4U);
}

TEST(MakePlan, IncludesFurtherMembersAndValues) {
  const Plan made = plan(good("matrix_include.yaml"), {}, {{"data.csv", kSource}});
  EXPECT_THAT(ids(made), testing::UnorderedElementsAre("prepare", "train[lr=0.0001,seed=1]", "train[lr=0.0001,seed=2]",
                                                       "train[lr=0.001,seed=3]", "train[lr=0.0003,seed=1]", "tell[a=1]",
                                                       "tell[a=2]"));
  const auto matrix = [&](const char* id) { return step(made, id).matrix; };
  EXPECT_EQ(matrix("train[lr=0.0001,seed=1]"),
            (Json{{"lr", 0.0001}, {"seed", 1}, {"epochs", nullptr}, {"note", "all of them"}}));
  EXPECT_EQ(matrix("train[lr=0.0001,seed=2]")["epochs"], 5);
  EXPECT_EQ(matrix("train[lr=0.0003,seed=1]")["epochs"], 7);
  EXPECT_EQ(matrix("train[lr=0.001,seed=3]")["note"], "all of them");
  EXPECT_EQ(step(made, "train[lr=0.0001,seed=1]").with["method"]["supervised"]["n_epochs"], 2);
  EXPECT_EQ(step(made, "tell[a=1]").with, (Json{{"command", "echo x"}, {"env", {{"B", "x"}}}}));
  EXPECT_EQ(step(made, "tell[a=2]").with, (Json{{"command", "echo "}, {"env", Json::object()}}));
}

TEST(MakePlan, OfflineAMatrixMayWaitForAParam) {
  const spec::Spec spec = parse(
      "name: a\n"
      "params: { n: { type: int } }\n"
      "steps:\n"
      "  one: { uses: run, matrix: { n: [1, \"${{ params.n }}\"] }, with: { command: \"echo ${{ matrix.n }}\" } }\n"
      "  two:\n"
      "    uses: run\n"
      "    matrix: { n: [1, \"${{ params.n }}\"] }\n"
      "    with: { command: \"${{ steps[format('one[n={0}]', matrix.n)].outputs.x }}\" }\n");
  const Plan made = plan(spec, {}, {}, PlanMode::kOffline);
  ASSERT_EQ(made.steps.size(), 4U);
  EXPECT_EQ(step(made, "one[n=1]").with["command"], "echo 1");
  EXPECT_EQ(made.steps[1].with["command"], "echo ${{ matrix.n }}");
  EXPECT_THAT(ids(plan(spec, {{"n", "7"}})), testing::Contains("two[n=7]"));
  EXPECT_THAT(errors(make_plan(spec, {}, {})),
              testing::ElementsAre("f.yaml:2:11: param 'n' has no default: give it with -p n=VALUE"));
}

TEST(MakePlan, FillsSettingsFromTheStepThenDefaultsThenOurs) {
  const Plan made = plan(good("settings.yaml"), {}, {{"data/words.txt", kSource}});
  const Step& plain = step(made, "plain");
  EXPECT_EQ(plain.retry.infrastructure, 2);
  EXPECT_EQ(plain.retry.user, 0);
  EXPECT_EQ(plain.timeout, milliseconds{600'000});
  EXPECT_EQ(plain.resources.memory_bytes, 512ULL << 20);
  const Step& own = step(made, "own");
  EXPECT_EQ(own.retry.infrastructure, 2);
  EXPECT_EQ(own.retry.user, 2);
  EXPECT_EQ(own.resources.gpus, 2);
  EXPECT_DOUBLE_EQ(own.resources.cpus, 4);
  EXPECT_EQ(own.resources.memory_bytes, 512ULL << 20);
  EXPECT_EQ(own.priority, 10);
  EXPECT_TRUE(own.exclusive);
  EXPECT_EQ(own.cache, std::optional(true));
  EXPECT_EQ(own.resources.labels, (std::map<std::string, std::string>{{"zone", "eu"}, {"rack", "7"}}));
  EXPECT_FALSE(plain.cache.has_value());
  EXPECT_TRUE(plain.resources.labels.empty());
  EXPECT_EQ(own.with["inputs"]["words"], kSource);
}

TEST(MakePlan, ConditionsKeepTheirOwnStatusFunctions) {
  const Plan made = plan(good("conditions.yaml"));
  EXPECT_EQ(step(made, "first").condition, "");
  EXPECT_EQ(step(made, "never").condition, "success() && (false)");
  EXPECT_EQ(step(made, "on_failure").condition, "failure()");
  EXPECT_EQ(step(made, "whatever").condition, "always() && steps.first.status != 'cancelled'");
  EXPECT_THAT(needs(made, "folded"), testing::ElementsAre("first"));
}

TEST(MakePlan, SubstitutesParamsWithTheirTypes) {
  const Plan made =
      plan(good("params.yaml"), {{"whole", "4"}, {"size", "16"}, {"text", "x y"}}, {{"data/a.csv", kSource}});
  EXPECT_EQ(made.params["note"], nullptr);
  EXPECT_EQ(made.params["size"], 16);
  EXPECT_EQ(step(made, "show").with["command"], "echo x y 8 16");
  EXPECT_EQ(step(made, "show").with["env"], (Json{{"WHOLE", "4"}, {"WHICH", "small"}, {"PLAIN", "3"}}));
}

TEST(MakePlan, LeavesOutKeysWhoseParamWasNotGiven) {
  const spec::Spec spec = parse(
      "name: a\n"
      "params: { text: { type: string, required: false }, size: { type: int, required: false } }\n"
      "steps:\n"
      "  prepare: { uses: prepare, with: { source: d, format: \"${{ params.text }}\", split: { seed: \"${{ params.size "
      "}}\" } } }\n"
      "  promote: { uses: promote, with: { model: m, alias: \"${{ params.text }}\" } }\n");
  EXPECT_THAT(errors(make_plan(spec, {}, {{"d", kSource}})),
              testing::ElementsAre("f.yaml:5:29: the key 'alias' is missing"));
  const Plan made = plan(spec, {{"text", "csv"}}, {{"d", kSource}});
  const Json with = step(made, "prepare").with;
  EXPECT_EQ(with["source"], kSource);
  EXPECT_EQ(with["format"], "csv");
  EXPECT_EQ(with["split"], Json::object());  // without a seed
}

TEST(MakePlan, ReportsAllErrorsOfParamsAtOnce) {
  EXPECT_THAT(errors(make_plan(good("params.yaml"), {{"whole", "x"}, {"flag", "yes"}, {"wich", "large"}}, {})),
              testing::ElementsAre("f.yaml: there is no param 'wich'; did you mean 'which'?",
                                   "f.yaml:4:3: param 'whole' must be an integer, got the text 'x'",
                                   "f.yaml:6:3: param 'flag' must be true or false, got the text 'yes'",
                                   "f.yaml:9:3: param 'size' has no default: give it with -p size=VALUE"));
}

TEST(MakePlan, ChecksWhatParamsBecame) {
  const spec::Spec spec = parse(
      "name: a\n"
      "params: { n: { type: float, default: 1.5 } , text: { type: string, default: \"x\" } }\n"
      "steps:\n"
      "  prepare: { uses: prepare, with: { source: d, format: \"${{ params.text }}\", split: { seed: \"${{ params.n "
      "}}\" } } }\n"
      "  go: { uses: run, with: { command: \"${{ fromJson(params.text) }}\" } }\n");
  EXPECT_THAT(
      errors(make_plan(spec, {}, {{"d", kSource}})),
      testing::ElementsAre("f.yaml:4:56: 'x' is not allowed here; known: csv, tsv, json, jsonl, txt, xlsx",
                           "f.yaml:4:93: expected an integer, got the number 1.5",
                           "f.yaml:5:37: ${{ fromJson(params.text) }}: column 2: fromJson(): the text is not JSON"));
}

TEST(CheckInputs, NamesTheKeyWhoseValueDoesNotFit) {
  const Json dataset{{"$artifact", "sha256:1"}, {"kind", "dataset"}};
  const Json report{{"$artifact", "sha256:1"}, {"kind", "report"}};
  struct Case {
    const char* uses;
    Json with;
    const char* message;
  };
  const std::vector<Case> cases{
      {"train",
       {{"data", "x"}},
       "`with.data`: expected an output of another step, such as ${{ steps.prepare.outputs.train }}, got the text 'x'"},
      {"train", {{"data", report}}, "`with.data`: expected a dataset, got an artifact of kind report"},
      {"train", {{"model", dataset}}, "`with.model`: expected a model, got an artifact of kind dataset"},
      {"train",
       {{"method", {{"supervised", {{"n_epochs", "many"}}}}}},
       "`with.method.supervised.n_epochs`: expected an integer or auto, got the text 'many'"},
      {"train",
       {{"data", nullptr}},
       "`with.data`: expected an output of another step, such as ${{ steps.prepare.outputs.train }}, got nothing"},
      {"run", {{"command", dataset}}, "`with.command`: expected text or a list, got an artifact of kind dataset"},
      {"run", {{"command", {"echo", {1, 2}}}}, "`with.command.1`: expected text, got a list"},
      {"checkpoint", {{"from", {{{"step", 1}, {"model", "m"}}}}}, "`with.from.0`: the key 'metrics' is missing"},
      {"promote", {{"force", "yes"}}, "`with.force`: expected true or false, got the text 'yes'"},
  };
  for (const Case& c : cases) {
    Json with = c.with;
    const auto checked = check_inputs(c.uses, with);
    ASSERT_FALSE(checked.has_value()) << c.message;
    EXPECT_EQ(checked.error().message, c.message);
  }
}

TEST(CheckInputs, ConvertsToTextAndLeavesOutWhatIsNull) {
  Json with{{"command", "echo ${{ and 1"}, {"env", {{"A", 1}, {"B", nullptr}, {"C", true}}}};
  ASSERT_TRUE(check_inputs("run", with).has_value());
  EXPECT_EQ(with, (Json{{"command", "echo ${{ and 1"}, {"env", {{"A", "1"}, {"C", "true"}}}}));
  with = {{"from", Json::array()}, {"keep", nullptr}};
  ASSERT_TRUE(check_inputs("checkpoint", with).has_value());
  EXPECT_EQ(with["keep"], 3);
  with = {{"validation", nullptr}, {"model", {{"base", "…"}}}};
  ASSERT_TRUE(check_inputs("train", with).has_value());
  EXPECT_TRUE(with.contains("validation"));
  EXPECT_TRUE(check_inputs("nonsense", with).has_value());
}

TEST(MakePlan, RefusesFilesThatWereNotSent) {
  EXPECT_THAT(errors(make_plan(good("quickstart.yaml"), {}, {})),
              testing::ElementsAre("f.yaml:15:45: the files of 'data/*.jsonl' were not sent with the run"));
}

TEST(MakePlan, NeverReadsTheTextOfAParamAsAnExpression) {
  const spec::Spec spec = parse(
      "name: a\n"
      "params: { a: { type: string, default: \"$\" } , b: { type: string, default: \"{{ steps.x }}\" } }\n"
      "steps: { go: { uses: run, with: { command: \"${{ params.a }}${{ params.b }}\" } } }\n");
  EXPECT_THAT(errors(make_plan(spec, {}, {})),
              testing::ElementsAre("f.yaml:3:44: the value of this expression must not hold ${{"));
}

TEST(MakePlan, FindsACycleThatOnlyTheMatrixShows) {
  const spec::Spec spec = parse(
      "name: a\n"
      "params: { p: { type: string, default: b } }\n"
      "steps:\n"
      "  a: { uses: run, with: { command: \"${{ steps[params.p].outputs.x }}\" } }\n"
      "  b: { uses: run, with: { command: \"${{ steps.a.outputs.x }}\" } }\n");
  EXPECT_THAT(errors(make_plan(spec, {}, {})),
              testing::ElementsAre("f.yaml:4:3: these steps wait for each other: a -> b -> a (each needs the next)"));
  EXPECT_THAT(errors(make_plan(spec, {{"p", "c"}}, {})),
              testing::ElementsAre("f.yaml:4:3: the plan has no step 'c'; known: a, b"));
}

TEST(LocalPaths, ListsFilesWithTheirPlaces) {
  const LocalPaths found = local_paths(good("settings.yaml"), {});
  ASSERT_EQ(found.paths.size(), 1U);
  EXPECT_EQ(found.paths[0], (LocalPath{StepId{"own"}, "inputs/words", "data/words.txt", {16, 66}}));
  EXPECT_EQ(local_paths(good("params.yaml"), {}).errors.size(), 1U);
  const LocalPaths given = local_paths(good("params.yaml"), {{"size", 8}, {"where", "b.csv"}});
  ASSERT_EQ(given.paths.size(), 1U);
  EXPECT_EQ(given.paths[0].path, "b.csv");
  EXPECT_TRUE(local_paths(good("conditions.yaml"), {}).paths.empty());
}

TEST(LocalPaths, FilesOfTheRepositoryAreOneSource) {
  const spec::Spec spec = good("run_steps.yaml");
  const LocalPaths found = local_paths(spec, {});
  ASSERT_EQ(found.paths.size(), 2U);
  EXPECT_EQ(found.paths[0].path, R"(repository:["tools/**","data/small.txt"])");
  EXPECT_THAT(found.paths[0].patterns, testing::ElementsAre("tools/**", "data/small.txt"));
  EXPECT_THAT(errors(make_plan(spec, {}, {{"words.txt", Json()}})),
              testing::ElementsAre(testing::HasSubstr("the files of the repository were not sent with the run")));
  const Json source{{"$artifact", "sha256:x"}, {"kind", "source"}};
  const Plan made = plan(spec, {}, {{found.paths[0].path, source}, {"words.txt", source}});
  EXPECT_EQ(step(made, "build").with["files"], source);
  EXPECT_EQ(step(made, "try[n=1]").max_parallel, 2);
  EXPECT_EQ(*plan_from_json(to_json(made)), made);
}

TEST(ModelInputs, AreThoseOfTheDeclaration) {
  EXPECT_THAT(model_inputs("eval"), testing::ElementsAre("model", "baseline"));
  EXPECT_THAT(model_inputs("train"), testing::ElementsAre("model"));
  EXPECT_THAT(model_inputs("prepare"), testing::IsEmpty());
  EXPECT_THAT(model_inputs("nonsense"), testing::IsEmpty());
}

}  // namespace
}  // namespace luthier::plan
