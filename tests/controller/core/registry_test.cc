// Models, aliases, and the controller's own steps.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json model_value_of(const std::string& base, const std::string& name, int version) {
  Json value = model_json(base);
  value["name"] = name;
  value["version"] = version;
  return value;
}

class RegistryTest : public MachineFixture {
 protected:
  void add(const std::string& name, const std::string& base) {
    feed(RegisterModel{.request = 3, .model = name, .weights = {.base = base}});
  }
  // By force, for these versions are evaluated by nobody.
  Lines move(const std::string& name, const std::string& alias, int version, std::optional<int> expected = {}) {
    return feed(MoveAlias{.request = 4,
                          .model = name,
                          .alias = alias,
                          .to_version = version,
                          .expected_version = expected,
                          .by = "me",
                          .force = true});
  }
  Lines roll_back(std::optional<int> to = {}, std::optional<int> expected = {}) {
    return feed(RollBackAlias{
        .request = 5, .model = "m", .alias = "production", .to_version = to, .expected_version = expected, .by = "me"});
  }
  Lines finish_better(int number = 1) {
    return finish("eval", {{"better", true}, {"metrics", {{"loss", 0.5}}}}, number);
  }
  // An evaluation against alias:production, and a promotion that rests on it; the evaluation waits on a-1.
  void submit_promotion(const std::string& base, Json more = Json::object()) {
    connect("a-1");
    plan::Step eval = agent_step("eval", "eval");
    eval.cache = false;
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
  EXPECT_EQ(journaled<ModelRegistered>().lineage,
            (Json{{"run", "r-1"}, {"step", "promote"}, {"pipeline", "p"}, {"by", "someone"}}));
}

TEST_F(RegistryTest, AnEvaluationIsRepeatedWhenItsBaselineMovedMeanwhile) {
  add("p", "old");
  move("p", "production", 1);
  submit_promotion("new");
  start("eval");
  add("p", "other");
  move("p", "production", 2);
  EXPECT_THAT(
      finish_better(),
      ElementsAre("send a-1 acknowledge finished r-1/eval/1", "journal attempt_ended r-1/eval/1",
                  "journal step_succeeded eval", "publish step.succeeded eval", "journal step_repeated eval",
                  "publish step.retried eval", "journal attempt_assigned r-1/eval/2", "send a-1 start r-1/eval/2"));
  EXPECT_EQ(live("eval").with["baseline"], model_value_of("other", "p", 2));
  EXPECT_THAT(journaled<StepRepeated>().reason, HasSubstr("moved from version 1 to version 2"));
  finish_better(2);
  EXPECT_EQ(state_.models.at("p").aliases.at("production"), 3);
  EXPECT_EQ(journaled<StepSucceeded>().outputs["previous_version"], 2);
}

TEST_F(RegistryTest, ARepeatedEvaluationEntersTheCacheWithItsNewBaseline) {
  connect("a-1");
  for (const char* base : {"old", "other"}) {
    add("p", base);
  }
  move("p", "production", 2);
  plan::Step eval = agent_step("eval", "eval");
  eval.with = {{"model", model_json("new")}, {"baseline", "alias:production"}};
  submit({eval});  // r-1 has compared it with version 2
  finish_better();
  release("eval");
  move("p", "production", 1);
  const plan::Step promote =
      controller_step("promote", {"eval"}, {{"model", model_json("new")}, {"alias", "production"}});
  submit({eval, promote});
  move("p", "production", 2);
  finish_better();  // with version 1; the comparison with version 2 is there already
  EXPECT_EQ(journaled<AliasMoved>().to_version, 3);
  EXPECT_EQ(journaled<AliasMoved>().from_version, 2);
  EXPECT_EQ(state_.cache.size(), 2U);
}

TEST_F(RegistryTest, ARepeatedEvaluationThatSaysNoEndsThePromotion) {
  submit_promotion("new");  // no baseline yet
  add("p", "other");
  move("p", "production", 1);
  finish_better();
  finish("eval", {{"better", false}, {"reason", "loss is higher."}}, 2);
  EXPECT_EQ(journaled<StepFailed>().code, "not_better");
  EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("(loss is higher.)"));
  EXPECT_EQ(state_.models.at("p").aliases.at("production"), 1);
}

TEST_F(RegistryTest, EvaluationsAreRepeatedAtMostThreeTimes) {
  add("p", "v1");
  move("p", "production", 1);
  submit_promotion("new");
  for (int number = 1; number <= 4; ++number) {
    add("p", "rival" + std::to_string(number));
    move("p", "production", number + 1);
    release("eval", number);
    finish_better(number);
  }
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
  EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("compared with version 4, it now points at version 5"));
}

TEST_F(RegistryTest, AVerdictThatAStepActedOnIsNotMadeAgain) {
  add("p", "old");
  move("p", "production", 1);
  connect("a-1");
  plan::Step eval = agent_step("eval", "eval");
  eval.with = {{"model", model_json("new")}, {"baseline", "alias:production"}};
  submit({eval, agent_step("tell", "run", {"eval"}),
          controller_step("promote", {"tell"}, {{"model", model_json("new")}, {"alias", "production"}})});
  finish_better();
  add("p", "other");
  move("p", "production", 2);
  finish("tell");
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
}

TEST_F(RegistryTest, OnlyAnEvaluatedModelIsPromotedUnlessForced) {
  struct Case {
    const char* name;
    Json eval_model, outputs, more;
    const char* code;  // of the failure; empty: promoted
  };
  const std::vector<Case> cases{
      {"better", model_json("new"), {{"better", true}}, {}, ""},
      {"not better", model_json("new"), {{"better", false}}, {}, "not_better"},
      {"another model's evaluation", model_json("x"), {{"better", true}}, {}, "not_evaluated"},
      {"not better, forced", model_json("new"), {{"better", false}}, {{"force", true}}, ""},
      {"not evaluated, forced", model_json("x"), Json::object(), {{"force", true}}, ""},
      {"not forced", model_json("x"), Json::object(), {{"force", false}}, "not_evaluated"},
  };
  connect("a-1");
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    plan::Step eval = agent_step("eval", "eval");
    eval.cache = false;
    eval.with = {{"model", each.eval_model}};
    Json with{{"model", model_json("new")}, {"alias", "beta"}, {"name", "q" + std::to_string(state_.next_run)}};
    with.update(each.more.is_null() ? Json::object() : each.more);
    submit({eval, controller_step("promote", {"eval"}, with)});
    finish("eval", each.outputs);
    release("eval");
    const bool promoted = state_.models.contains(with["name"]);
    EXPECT_EQ(promoted, std::string(each.code).empty());
    if (!promoted) {
      EXPECT_EQ(journaled<StepFailed>().code, each.code);
    } else {
      EXPECT_EQ(journaled<AliasMoved>().forced, with.contains("force"));
    }
  }
  EXPECT_THAT(journaled<AliasMoved>().reason, HasSubstr("forced by someone: not_evaluated"));
}

TEST_F(RegistryTest, WhatServesAlreadyIsPromotedWithoutAQuestion) {
  add("p", "new");
  move("p", "production", 1);
  submit_promotion("new");
  finish("eval", {{"better", false}});
  EXPECT_EQ(journaled<StepSucceeded>().outputs["version"], 1);
  EXPECT_EQ(journaled<StepSucceeded>().outputs["previous_version"], 1);
}

TEST_F(RegistryTest, AVersionThatWasEvaluatedOnceMayBePromotedByName) {
  submit_promotion("new");
  finish_better();
  release("eval");
  submit({controller_step("promote", {}, {{"model", "p@1"}, {"alias", "beta"}})});
  EXPECT_EQ(state_.models.at("p").aliases.at("beta"), 1);
}

TEST_F(RegistryTest, AnAliasMovesByHandOnlyToWhatWasEvaluatedOrServed) {
  add("m", "x");
  add("m", "y");
  const MoveAlias plain{.request = 4, .model = "m", .alias = "production", .to_version = 1, .by = "me"};
  EXPECT_THAT(feed(plain), ElementsAre("reply 4 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("nobody has evaluated version 1 of 'm'"));
  move("m", "production", 1);
  EXPECT_TRUE(journaled<AliasMoved>().forced);
  EXPECT_EQ(journaled<AliasMoved>().reason, "by hand, forced: not evaluated");
  move("m", "production", 2);
  feed(plain);  // it has served before
  EXPECT_FALSE(journaled<AliasMoved>().forced);
  EXPECT_EQ(state_.models.at("m").aliases.at("production"), 1);
}

TEST_F(RegistryTest, RollbackGoesBackAlongTheTrail) {
  for (const char* base : {"x", "y", "z"}) {
    add("m", base);
  }
  EXPECT_THAT(roll_back(), ElementsAre("reply 5 error"));  // no such alias
  for (const int version : {1, 2, 3}) {
    move("m", "production", version);
  }
  EXPECT_THAT(roll_back(), ElementsAre("journal alias_moved m", "publish model.rolled_back ", "reply 5 ok"));
  EXPECT_EQ(last<Reply>().value["version"], 2);
  EXPECT_EQ(journaled<AliasMoved>().reason, "rolled back from version 3");
  EXPECT_EQ(journaled<AliasMoved>().by, "me");
  roll_back();
  EXPECT_EQ(state_.models.at("m").aliases.at("production"), 1);  // not 3 again
  EXPECT_THAT(roll_back(), ElementsAre("reply 5 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("nothing to go back to"));
}

TEST_F(RegistryTest, RollbackIsCompareAndSetAndGoesOnlyWhereTheAliasWas) {
  for (const char* base : {"x", "y", "z"}) {
    add("m", base);
  }
  for (const int version : {1, 2}) {
    move("m", "production", version);
  }
  struct Case {
    std::optional<int> to, expected;
    const char* message;
  };
  for (const Case& each : {Case{{}, 1, "points at version 2, not 1"},
                           {3, {}, "has never pointed at version 3 of 'm'"},
                           {9, {}, "has no version 9"},
                           {2, {}, "points at version 2 already"}}) {
    EXPECT_THAT(roll_back(each.to, each.expected), ElementsAre("reply 5 error"));
    EXPECT_THAT(last<Reply>().error.message, HasSubstr(each.message));
  }
  roll_back(1, 2);
  EXPECT_EQ(state_.models.at("m").aliases.at("production"), 1);
}

TEST_F(RegistryTest, OnlyOwnersAndAdminsDeleteAndNeverWhatAnAliasPointsAt) {
  for (const char* base : {"x", "y", "z"}) {
    feed(RegisterModel{.request = 3, .model = "m", .weights = {.base = base}, .lineage = {{"by", "ann"}}});
  }
  move("m", "production", 1);
  const auto remove = [&](int version, const std::string& by, bool admin) {
    return feed(DeleteModel{.request = 6, .model = "m", .version = version, .by = by, .admin = admin});
  };
  EXPECT_THAT(remove(2, "bob", false), ElementsAre("reply 6 error"));
  EXPECT_EQ(last<Reply>().error.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("is 'ann's; only its owner"));
  EXPECT_THAT(remove(1, "ann", true), ElementsAre("reply 6 error"));
  EXPECT_THAT(last<Reply>().error.message, HasSubstr("alias 'production' points at version 1"));
  EXPECT_THAT(remove(7, "ann", true), ElementsAre("reply 6 error"));
  EXPECT_THAT(remove(3, "ann", false), ElementsAre("journal model_deleted m", "publish model.deleted ", "reply 6 ok"));
  EXPECT_THAT(remove(2, "bob", true), ElementsAre("journal model_deleted m", "publish model.deleted ", "reply 6 ok"));
  add("m", "w");
  EXPECT_EQ(last<Reply>().value["version"], 4);  // numbers are never given twice
}

TEST_F(RegistryTest, AModelWithoutVersionsIsNotThere) {
  add("m", "x");
  feed(DeleteModel{.request = 6, .model = "m", .version = 1, .by = "root", .admin = true});
  EXPECT_EQ(resolve_model(state_, "m", "").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(move("m", "production", 1), ElementsAre("reply 4 error"));
  add("m", "x");
  EXPECT_EQ(last<Reply>().value["version"], 2);
}

TEST_F(RegistryTest, PromoteHonoursAnExplicitExpectation) {
  add("p", "sha256:old");
  move("p", "production", 1);
  submit_promotion("new", {{"expect", 7}});
  finish_better();
  EXPECT_EQ(journaled<StepFailed>().code, "alias_moved");
  for (const Json& unclear : {Json("1"), Json(1.5), Json{{"version", "1"}}, Json(true), Json(99999999999)}) {
    release("eval");
    submit_promotion("new", {{"expect", unclear}});
    finish_better();
    EXPECT_EQ(journaled<StepFailed>().code, "invalid_input");
    EXPECT_THAT(journaled<StepFailed>().message, HasSubstr("`with.expect`: expected the number of a version"));
  }
  release("eval");
  submit_promotion("new", {{"expect", "sha256:old"}});
  finish_better();
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
