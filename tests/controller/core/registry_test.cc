// Models, aliases, and the controller's own steps.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RegistryTest : public MachineFixture {
 protected:
  void add(const std::string& name, const std::string& base) {
    feed(RegisterModel{.request = 3, .model = name, .weights = {.base = base}});
  }
  Lines move(const std::string& name, const std::string& alias, int version, std::optional<int> expected = {}) {
    return feed(MoveAlias{
        .request = 4, .model = name, .alias = alias, .to_version = version, .expected_version = expected, .by = "me"});
  }
  // An evaluation against alias:production, and a promotion that rests on it; the evaluation waits on a-1.
  void submit_promotion(const std::string& base, Json more = Json::object()) {
    connect("a-1");
    plan::Step eval = agent_step("eval", "eval");
    eval.with = {{"model", model_json(base)}, {"baseline", "alias:production"}};
    Json with{{"model", model_json(base)}, {"alias", "production"}};
    with.update(more);
    submit({eval, controller_step("promote", {"eval"}, with)});
  }
};

TEST_F(RegistryTest, SameWeightsAreTheSameVersion) {
  add("m", "x");
  add("m", "y");
  EXPECT_EQ(last<Reply>().value["version"], 2);
  add("m", "x");
  EXPECT_EQ(last<Reply>().value["version"], 1);
  EXPECT_EQ(effects_.size(), 1U);
  feed(RegisterModel{.request = 3, .model = "m", .weights = {}});
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kInvalidArgument);
}

TEST_F(RegistryTest, NamesResolve) {
  add("m", "x");
  add("m", "y");
  EXPECT_EQ(resolve_model(state_, "m", "").value().version, 2);
  move("m", "production", 1);
  struct Case {
    const char* reference;
    int version;
  };
  for (const Case& each : {Case{"m", 1}, {"m@2", 2}, {"m@production", 1}, {"alias:production", 1}}) {
    EXPECT_EQ(resolve_model(state_, each.reference, "m").value().version, each.version) << each.reference;
  }
  struct Wrong {
    const char* reference;
    ErrorCode code;
    const char* message;
  };
  for (const Wrong& each : {Wrong{"mm", ErrorCode::kNotFound, "there is no model 'mm', did you mean 'm'?"},
                            {"m@3", ErrorCode::kNotFound, "model 'm' has no version 3; the newest is 2"},
                            {"m@prodution", ErrorCode::kNotFound, "did you mean 'production'?"},
                            {"m@", ErrorCode::kInvalidArgument, "does not name a model"},
                            {"@x", ErrorCode::kInvalidArgument, "does not name a model"},
                            {"", ErrorCode::kInvalidArgument, "does not name a model"},
                            {"m@99999999999999999999", ErrorCode::kNotFound, "no alias"}}) {
    const Result<ResolvedModel> got = resolve_model(state_, each.reference, "");
    ASSERT_FALSE(got.has_value()) << each.reference;
    EXPECT_EQ(got.error().code, each.code) << each.reference;
    EXPECT_THAT(got.error().message, HasSubstr(each.message)) << each.reference;
  }
}

TEST_F(RegistryTest, MovingAnAliasIsCompareAndSet) {
  add("m", "x");
  add("m", "y");
  EXPECT_THAT(move("m", "production", 2, 0),
              ElementsAre("journal alias_moved m", "publish model.promoted ", "reply 4 ok"));
  EXPECT_THAT(move("m", "production", 1, 1), ElementsAre("reply 4 error"));
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(move("m", "production", 1, 2),
              ElementsAre("journal alias_moved m", "publish model.rolled_back ", "reply 4 ok"));
  EXPECT_EQ(last<Reply>().value["previous_version"], 2);
  EXPECT_THAT(move("m", "production", 9), ElementsAre("reply 4 error"));
  EXPECT_THAT(move("none", "production", 1), ElementsAre("reply 4 error"));
}

TEST_F(RegistryTest, PromoteRegistersAndMovesTheAlias) {
  submit_promotion("new");
  start("eval");
  EXPECT_THAT(finish("eval", {{"better", true}, {"metrics", {{"loss", 0.5}}}}),
              ElementsAre("send a-1 acknowledge finished r-1/eval/1", "journal attempt_ended r-1/eval/1",
                          "journal step_succeeded eval", "publish step.succeeded eval", "journal step_ready promote",
                          "publish step.started promote", "journal model_registered p", "publish model.registered ",
                          "journal alias_moved p", "publish model.promoted promote", "journal step_succeeded promote",
                          "publish step.succeeded promote", "journal run_finished r-1", "publish run.succeeded "));
  const Json outputs = journaled<StepSucceeded>().outputs;
  EXPECT_EQ(outputs["version"], 1);
  EXPECT_EQ(outputs["name"], "p");
  EXPECT_TRUE(outputs["previous_version"].is_null());
  EXPECT_EQ(journaled<ModelRegistered>().metrics, (Json{{"loss", 0.5}}));
  EXPECT_EQ(journaled<ModelRegistered>().lineage, (Json{{"run", "r-1"}, {"step", "promote"}, {"pipeline", "p"}}));
}

TEST_F(RegistryTest, PromoteRefusesWhenTheAliasMovedSinceTheEvaluation) {
  add("p", "old");
  move("p", "production", 1);
  submit_promotion("new");
  add("p", "other");
  move("p", "production", 2);
  finish("eval");
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
  EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("compared with version 1, it now points at version 2"));
  EXPECT_EQ(state_.models.at("p").aliases.at("production"), 2);
  EXPECT_EQ(state_.models.at("p").versions.size(), 2U);
}

TEST_F(RegistryTest, PromoteRefusesWhenSomebodyWasFirst) {
  submit_promotion("new");  // no baseline yet
  add("p", "other");
  move("p", "production", 1);
  finish("eval");
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
}

TEST_F(RegistryTest, PromoteHonoursAnExplicitExpectation) {
  add("p", "old");
  move("p", "production", 1);
  submit_promotion("new", {{"expect", 7}});
  finish("eval");
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
  submit_promotion("new", {{"expect", "old"}});
  finish("eval");
  EXPECT_EQ(journaled<StepSucceeded>().outputs["previous_version"], 1);
}

TEST_F(RegistryTest, RegisterGivesANameAVersionAndAliases) {
  submit({controller_step("register", {},
                          {{"model", artifact_json("w", "model")},
                           {"name", "tiny"},
                           {"aliases", {"latest", "base"}},
                           {"description", "small"}})});
  EXPECT_EQ(state_.models.at("tiny").aliases, (std::map<std::string, int>{{"base", 1}, {"latest", 1}}));
  EXPECT_EQ(state_.models.at("tiny").versions.at(1).description, "small");
  EXPECT_EQ(journaled<StepSucceeded>().outputs["model"]["version"], 1);
}

TEST_F(RegistryTest, ControllerStepsRefuseWrongInputs) {
  struct Case {
    const char* uses;
    Json with;
    const char* message;
  };
  const std::vector<Case> cases{
      {"upload", {{"training", 3}}, "step upload: `with.training`: expected an output of another step"},
      {"upload", {{"training", artifact_json("x", "report")}}, "expected a dataset, got an artifact of kind report"},
      {"checkpoint", {{"from", Json::array()}}, "holds no checkpoints"},
      {"checkpoint",
       {{"from", {{{"step", 1}, {"metrics", Json::object()}, {"model", model_json("x")}}}}},
       "no checkpoint has the metric 'full_valid_loss'"},
      {"checkpoint", {{"from", {1, 2}}, {"select", 5}}, "step checkpoint: `with.from.0`: expected a map"},
      {"register", {{"model", artifact_json("x", "dataset")}}, "expected a model"},
      {"register", {{"model", model_json("x")}, {"aliases", {1}}}, "`with.aliases.0`: '1' is not a name"},
      {"promote", {{"model", model_json("x")}}, "`with.alias` is empty"},
      {"promote", {{"model", nullptr}, {"alias", "a"}}, "expected a model"},
      {"bake", Json::object(), "cannot run steps of type 'bake'"},
  };
  for (const Case& each : cases) {
    submit({controller_step(each.uses, {}, each.with)});
    EXPECT_THAT(journaled<StepFailed>().message, HasSubstr(each.message)) << each.uses << each.with;
    EXPECT_THAT(state_.runs, IsEmpty());
  }
}

TEST_F(RegistryTest, CheckpointSelectsByMetricAndMode) {
  Json from = Json::array();
  for (const auto& [at, loss] : std::vector<std::pair<int, double>>{{10, 3.0}, {20, 1.0}, {30, 1.0}, {40, 2.0}}) {
    from.push_back({{"step", at}, {"metrics", {{"loss", loss}}}, {"model", model_json("b", std::to_string(at))}});
  }
  submit({controller_step("checkpoint", {},
                          {{"from", from}, {"keep", 2}, {"select", {{"metric", "loss"}, {"mode", "min"}}}})});
  Json outputs = journaled<StepSucceeded>().outputs;
  EXPECT_EQ(outputs["step"], 30);  // of equals the later
  EXPECT_EQ(outputs["best"], model_json("b", "30"));
  EXPECT_EQ(outputs["kept"].size(), 2U);
  submit({controller_step("checkpoint", {}, {{"from", from}, {"select", {{"metric", "loss"}, {"mode", "max"}}}})});
  EXPECT_EQ(journaled<StepSucceeded>().outputs["step"], 10);
}

TEST_F(RegistryTest, UploadPassesDatasetsOn) {
  const Json data = artifact_json("d", "dataset");
  submit({controller_step("upload", {}, {{"training", data}, {"validation", nullptr}, {"name", "tickets"}})});
  EXPECT_EQ(journaled<StepSucceeded>().outputs,
            (Json{{"training", data}, {"validation", nullptr}, {"name", "tickets"}}));
}

}  // namespace
}  // namespace luthier::core::testing
