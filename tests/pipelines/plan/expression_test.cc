#include "pipelines/plan/expression.h"

#include <gtest/gtest.h>

namespace luthier::plan {
namespace {

using Json = nlohmann::json;

Scope scope() {
  return Json::parse(R"({
    "params": {"epochs": 3, "rate": 0.5, "name": "sports", "empty": "", "list": [1, 2, 3], "none": null},
    "matrix": {"lr": 0.1},
    "run": {"id": "r-1", "pipeline": "p"},
    "needs": [{"id": "prepare", "status": "succeeded"}, {"id": "skipped", "status": "skipped"}],
    "steps": {
      "prepare": {"status": "succeeded", "outputs": {"rows": {"kept": 90}, "labels": ["baseball", "hockey"]}},
      "my-step": {"status": "failed", "outputs": null},
      "skipped": {"status": "skipped", "outputs": null},
      "train[lr=0.1]": {"status": "succeeded", "outputs": {"loss": 1.5}},
      "train[lr=0.2]": {"status": "failed", "outputs": null}
    }})");
}

struct Case {
  const char* source;
  Json value;
};

void expect_values(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto value = evaluate(c.source, scope());
    ASSERT_TRUE(value.has_value()) << c.source << ": " << value.error().message;
    EXPECT_EQ(*value, c.value) << c.source;
    EXPECT_EQ(value->is_boolean(), c.value.is_boolean()) << c.source;
  }
}

TEST(Expression, EvaluatesOperators) {
  expect_values({
      {"1", 1},
      {"-1", -1},
      {"2.5e1", 25.0},
      {"'a\\'b\\n'", "a'b\n"},
      {"true", true},
      {"null", nullptr},
      {"1 + 2 * 3", 7},
      {"(1 + 2) * 3", 9},
      {"10 - 3 - 2", 5},
      {"7 / 2", 3.5},
      {"8 / 2", 4},
      {"1 + 0.5", 1.5},
      {"'a' + 'b'", "ab"},
      {"1 < 2 && 2 <= 2 && 3 > 2.5 && 3 >= 3", true},
      {"'a' < 'b'", true},
      {"1 == 1.0", true},
      {"1 != 2", true},
      {"'a' == 'b'", false},
  });
}

TEST(Expression, EvaluatesNamesAndFunctions) {
  expect_values({
      {"params.none == null", true},
      {"'' == null", false},
      {"false && missing.name", false},
      {"true || missing.name", true},
      {"!params.none", true},
      {"!(params.epochs > 3) || false", true},
      {"params.none || params.epochs == 3", true},
      {"params.epochs", 3},
      {"params[\"name\"]", "sports"},
      {"params.list[1]", 2},
      {"params.list[1 + 1]", 3},
      {"matrix.lr", 0.1},
      {"run.id", "r-1"},
      {"steps.prepare.outputs.rows.kept > 50", true},
      {"steps.prepare.status", "succeeded"},
      {"steps.my-step.status", "failed"},
      {"steps.skipped.outputs.anything.below", nullptr},
      {"steps[\"train[lr=0.1]\"].outputs.loss", 1.5},
      {"steps[format('train[lr={0}]', matrix.lr)].outputs.loss", 1.5},
      {"steps.train.outputs", {{"train[lr=0.1]", {{"loss", 1.5}}}, {"train[lr=0.2]", nullptr}}},
      {"steps.train.status", "failed"},
      {"success()", false},
      {"failure()", false},
      {"always()", true},
      {"contains('baseball', 'ball')", true},
      {"contains(steps.prepare.outputs.labels, 'hockey')", true},
      {"contains(params, 'rate')", true},
      {"startsWith('abc', 'ab') && endsWith('abc', 'bc')", true},
      {"format('{0}-{1}-{{}}', 1, 'x')", "1-x-{}"},
      {"join(params.list, ', ')", "1, 2, 3"},
      {"length('naïve')", 5},
      {"length(params.list)", 3},
      {"toJson(params.list)", "[1,2,3]"},
      {"fromJson('{\"a\": [1]}').a[0]", 1},
      {"default(steps.prepare.outputs.test, 'none')", "none"},
      {"default(params.none, 4)", 4},
      {"default(params.epochs, 4)", 3},
      {"min(3, 1, 2)", 1},
      {"max(params.list)", 3},
      {"max('a', 'b')", "b"},
  });
}

TEST(Expression, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"'a' < 1", "column 5: cannot compare text with number"},
      {"'a' == 1", "column 5: cannot compare text with number"},
      {"true < false", "column 6: cannot compare true or false with true or false"},
      {"1 + 'a'", "column 3: cannot compute number + text; join text with format()"},
      {"-'a'", "column 1: cannot negate a text"},
      {"!params.empty", "column 1: !: expected true or false, got the text ''; compare it, as in X > 0 or X == 'yes'"},
      {"params.epochs && true",
       "column 15: &&: expected true or false, got the number 3; compare it, as in X > 0 or X == 'yes'"},
      {"false || 'false'",
       "column 7: ||: expected true or false, got the text 'false'; compare it, as in X > 0 or X == 'yes'"},
      {"1 / 0", "column 3: division by zero"},
      {"9223372036854775807 + 1", "column 21: the result is too large"},
      {"-9223372036854775807 - 2", "column 22: the result is too large"},
      {"1e308 * 10", "column 7: the result is too large"},
      {"parms.x", "column 1: unknown name 'parms'; did you mean 'params'?"},
      {"params.epoch", "column 8: there is no 'epoch' here; did you mean 'epochs'?"},
      {"steps.prepar.status", "column 7: there is no step 'prepar'; did you mean 'prepare'?"},
      {"steps.prepare.outputs.lables", "column 23: there is no 'lables' here; did you mean 'labels'?"},
      {"params.list[3]", "column 13: index 3 is outside of the list, which has 3 items"},
      {"params.list[-1]", "column 13: index -1 is outside of the list, which has 3 items"},
      {"params.list['a']", "column 13: the index of a list is an integer, got text"},
      {"params.epochs.x", "column 15: a number has no member 'x'"},
      {"steps[1]", "column 7: the id of a step is text"},
      {"length(1)", "column 1: length(): takes text, a list or a map, got number"},
      {"format('{1}', 1)", "column 1: format(): {1} has no argument"},
      {"format('{', 1)", "column 1: format(): a brace in the text is {0}, {1}, … or doubled ({{, }})"},
      {"fromJson('{')", "column 1: fromJson(): the text is not JSON"},
      {"min(1, 'a')", "column 1: min(): cannot compare text with number"},
      {"max(fromJson('[]'))", "column 1: max(): an empty list has none"},
      {"needs", "column 1: unknown name 'needs'; known: matrix, params, run, steps"},
  };
  for (const auto& [source, message] : cases) {
    const auto value = evaluate(source, scope());
    ASSERT_FALSE(value.has_value()) << source << " gave " << *value;
    EXPECT_EQ(value.error().code, ErrorCode::kInvalidArgument) << source;
    EXPECT_EQ(value.error().message, message) << source;
  }
}

TEST(Expression, BoundsTheSizeOfItsResults) {
  Scope big = scope();
  big["params"]["big"] = std::string(600'000, 'x');
  EXPECT_FALSE(evaluate("params.big + params.big", big).has_value());
  EXPECT_FALSE(evaluate("format('{0}{0}', params.big)", big).has_value());
  std::string deep(300, '[');
  big["params"]["deep"] = deep + std::string(300, ']');
  EXPECT_EQ(evaluate("fromJson(params.deep)", big).error().message,
            "column 1: fromJson(): the JSON is nested too deeply");
}

TEST(Expression, StatusFunctionsLookAtTheNeeds) {
  Scope s = scope();
  s["needs"] = Json::array();
  EXPECT_EQ(evaluate("success()", s).value(), true);
  s["needs"] = {{{"id", "a"}, {"status", "succeeded"}}, {{"id", "b"}, {"status", "failed"}}};
  EXPECT_EQ(evaluate("success()", s).value(), false);
  EXPECT_EQ(evaluate("failure()", s).value(), true);
  s.erase("needs");
  EXPECT_EQ(evaluate("success()", s).error().message, "column 1: success() is only for 'if'");
}

TEST(Expression, OnlyTrueFalseAndNullHaveATruth) {
  EXPECT_FALSE(truth_of(Json()).value());
  EXPECT_FALSE(truth_of(Json(false)).value());
  EXPECT_TRUE(truth_of(Json(true)).value());
  for (const Json& value : {Json(0), Json(1), Json(""), Json("false"), Json::array(), Json::object()}) {
    EXPECT_FALSE(truth_of(value).has_value()) << value;
  }
}

TEST(Substitute, KeepsTypesOfWholeExpressionsAndWritesOthersIntoText) {
  const Json value = {{"a", "${{ params.epochs }}"},
                      {"b", "n=${{ params.epochs }} r=${{ params.rate }}${{ params.none }}"},
                      {"c", {"${{ params.list }}", 5, true}},
                      {"d", "plain"}};
  const auto replaced = substitute(value, scope());
  ASSERT_TRUE(replaced.has_value()) << replaced.error().message;
  EXPECT_EQ(*replaced, (Json{{"a", 3}, {"b", "n=3 r=0.5"}, {"c", {{1, 2, 3}, 5, true}}, {"d", "plain"}}));
  EXPECT_EQ(substitute({{"model", "${{ params.x }}"}}, scope()).error().message,
            "model: ${{ params.x }}: column 9: there is no 'x' here; known: empty, epochs, list, name, none, rate");
  EXPECT_FALSE(substitute("${{ params.epochs", scope()).has_value());
  Scope artifacts = scope();
  artifacts["steps"]["prepare"]["outputs"]["train"] = {{"$artifact", "sha256:1"}, {"kind", "dataset"}};
  EXPECT_EQ(
      substitute("cat ${{ steps.prepare.outputs.train }}", artifacts).error().message,
      "${{ steps.prepare.outputs.train }}: an artifact of kind dataset cannot be written into text; name it under "
      "'inputs' of a run step");
}

TEST(ReferencedSteps, AreSortedAndComputedIndexesAreKnown) {
  const Json value = {"${{ steps.b.outputs.x + steps['a'].outputs.y }}",
                      {{"k", "${{ steps.b.status }} ${{ params.z }}"}}};
  EXPECT_EQ(referenced_steps(value).value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(
      steps_in_expression("steps[format('train[lr={0}]', matrix.lr)].status", {{"matrix", {{"lr", 0.1}}}}).value(),
      (std::vector<std::string>{"train[lr=0.1]"}));
  EXPECT_FALSE(steps_in_expression("steps[steps.a.outputs.id].status").has_value());
  EXPECT_FALSE(steps_in_expression("length(steps)").has_value());
}

}  // namespace
}  // namespace luthier::plan
