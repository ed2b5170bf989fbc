// Types of expressions: what they are, and what is said where they clash. No expression is evaluated.
#include <gmock/gmock.h>

#include "base/check.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/fits.h"
#include "pipelines/spec/functions.h"
#include "pipelines/spec/spec.h"
#include "pipelines/spec/type_scope.h"

namespace luthier::spec {
namespace {

const Spec& sample() {
  static const ParsedSpec parsed = parse_spec(
      "name: a\n"
      "params:\n"
      "  whole: { type: int, default: 3 }\n"
      "  real: { type: float, default: 0.5 }\n"
      "  flag: { type: bool, default: true }\n"
      "  word: { type: string, default: x }\n"
      "  size: { type: choice, choices: [small, large], default: small }\n"
      "  some: { type: choice, choices: [8, auto], default: 8 }\n"
      "  maybe: { type: int, required: false }\n"
      "steps:\n"
      "  prepare: { uses: prepare, with: { source: d } }\n"
      "  go: { uses: run, matrix: { lr: [0.1, 1], kind: [a, b], mixed: [1, x] }, with: { command: ls } }\n"
      "  train: { uses: train, with: { model: m, data: \"${{ steps.prepare.outputs.train }}\" } }\n",
      "a.yaml");
  LUTHIER_CHECK(parsed.spec.has_value());
  return *parsed.spec;
}

InferredType infer(const std::string& source) {
  TypeScope scope = type_scope(sample());
  enter_step(scope, sample().steps[1]);
  const ParsedExpression parsed = parse_expression(source);
  LUTHIER_CHECK(parsed.root.has_value());
  return infer_type(*parsed.root, scope);
}

TEST(InferType, KnowsWhatExpressionsAre) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"1", "an integer"},
      {"0.5", "a number"},
      {"'x'", "text"},
      {"null", "nothing"},
      {"true", "true or false"},
      {"params.whole", "an integer"},
      {"params.maybe", "an integer"},
      {"params.some", "text or an integer"},
      {"params.whole + 1", "an integer"},
      {"params.whole / 2", "a number"},
      {"params.whole * params.real", "a number"},
      {"-params.whole", "an integer"},
      {"params.word + 'x'", "text"},
      {"params.whole > 1 && !params.flag", "true or false"},
      {"matrix.lr", "a number"},
      {"matrix.mixed", "text or an integer"},
      {"run.id", "text"},
      {"steps.prepare.outputs.train", "a dataset"},
      {"steps.prepare.outputs.train.kind", "text"},
      {"steps.prepare.outputs.rows", "a map"},
      {"steps.prepare.outputs.rows.kept", "an integer"},
      {"steps.prepare.outputs['rows']['kept']", "an integer"},
      {"steps.prepare.outputs.labels[0]", "text"},
      {"steps.train.outputs.model", "a model"},
      {"steps.train.outputs.model.adapter", "an adapter"},
      {"steps.train.outputs.checkpoints[0].metrics.any", "a number"},
      {"steps.go.outputs", "a map"},
      {"steps['go[lr=1,kind=a,mixed=1]'].outputs.x", "anything"},
      {"steps[format('go[lr={0}]', matrix.lr)].outputs", "anything"},
      {"steps.train.status", "text"},
      {"default(params.maybe, 'none')", "text or an integer"},
      {"default(null, 4)", "an integer"},
      {"max(1, params.real)", "a number"},
      {"min(steps.prepare.outputs.labels)", "text"},
      {"fromJson('1')", "anything"},
      {"length(steps.prepare.outputs.labels)", "an integer"},
      {"params", "a map"},
  };
  for (const auto& [source, expected] : cases) {
    const InferredType inferred = infer(source);
    EXPECT_TRUE(inferred.problems.empty()) << source << ": " << inferred.problems.front().message;
    EXPECT_EQ(words(inferred.type), expected) << source;
  }
}

TEST(InferType, SaysWhatClashesAndWhatToDo) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"params.whole == '3'",
       "14: cannot compare params.whole (an integer) with '3' (text); remove the quotes around 3"},
      {"params.word > 3",
       "13: cannot compare params.word (text) with 3 (an integer); only values of one type can be compared"},
      {"params.flag == 'true'",
       "13: cannot compare params.flag (true or false) with 'true' (text); remove the quotes around true"},
      {"true < false",
       "6: cannot compare true (true or false) with false (true or false); < is for numbers and for texts"},
      {"steps.prepare.outputs.labels == 'a'",
       "30: cannot compare steps.prepare.outputs.labels (a list) with 'a' (text); only values of one type can be "
       "compared"},
      {"params.size == 'smal'", "16: params.size is never 'smal'; did you mean 'small'?"},
      {"'done' != steps.train.status",
       "1: steps.train.status is never 'done'; it is one of 'succeeded', 'failed', 'cancelled', 'skipped'"},
      {"matrix.kind == 'c'", "16: matrix.kind is never 'c'; it is one of 'a', 'b'"},
      {"params.word + 1", "13: cannot compute params.word (text) + 1 (an integer); join text with format()"},
      {"params.word * 2", "13: cannot compute params.word (text) * 2 (an integer); * takes numbers"},
      {"-params.word", "1: - takes numbers, got params.word (text)"},
      {"!params.word", "2: ! takes true or false, got params.word (text); compare it, as in params.word == 'yes'"},
      {"params.whole && true",
       "1: && takes true or false, got params.whole (an integer); compare it, as in params.whole > 0"},
      {"true || steps.prepare.outputs.labels",
       "9: || takes true or false, got steps.prepare.outputs.labels (a list); ask for its length, as in "
       "length(steps.prepare.outputs.labels) > 0"},
      {"!steps.prepare.outputs.train",
       "2: ! takes true or false, got steps.prepare.outputs.train (a dataset); compare it with null, as in "
       "steps.prepare.outputs.train != null"},
      {"params.whole.x", "14: params.whole (an integer) has no members, so no 'x'"},
      {"steps.prepare.outputs.rows.keptt",
       "28: steps.prepare.outputs.rows has no member 'keptt'; did you mean 'kept'?"},
      {"steps.train.outputs.model.bas", "27: steps.train.outputs.model has no member 'bas'; did you mean 'base'?"},
      {"steps.prepare.outputs.labels['a']", "30: the index of a list is an integer, not text"},
      {"steps.prepare.outputs.rows[0]", "28: the key of steps.prepare.outputs.rows (a map) is text, not an integer"},
      {"steps[1].status", "7: the id of a step is text, not an integer"},
      {"length(params.whole)", "8: length() takes text or a list or a map, got params.whole (an integer)"},
      {"startsWith(params.word, 1)", "25: startsWith() takes text as argument 2, got 1 (an integer)"},
      {"join('a', 'b')", "6: join() takes a list as argument 1, got 'a' (text)"},
      {"format(1)", "8: format() takes text, got 1 (an integer)"},
      {"format('{1}', 1)", "8: format(): {1} has no argument"},
      {"format('{', 1)", "8: format(): a brace in the text is {0}, {1}, … or doubled ({{, }})"},
      {"contains(params.word, 1)", "23: contains() looks for text in params.word (text), got 1 (an integer)"},
      {"contains(steps.prepare.outputs.labels, 1)",
       "40: steps.prepare.outputs.labels holds text, so it never contains 1 (an integer)"},
      {"min(1, 'a')", "8: cannot compare 1 (an integer) with 'a' (text); min() takes numbers or texts"},
      {"max(params.flag)", "5: max() takes text or a number or a list, got params.flag (true or false)"},
      {"fromJson(steps.train.outputs.model)", "10: fromJson() takes text, got steps.train.outputs.model (a model)"},
  };
  for (const auto& [source, expected] : cases) {
    const InferredType inferred = infer(source);
    ASSERT_EQ(inferred.problems.size(), 1U) << source;
    EXPECT_EQ(std::to_string(inferred.problems[0].column) + ": " + inferred.problems[0].message, expected) << source;
  }
}

TEST(InferType, LetsThroughWhatMayBeRight) {
  for (const char* source :
       {"steps['go[lr=1,kind=a,mixed=1]'].outputs.count > 3", "fromJson(params.word).a.b[0] + 1",
        "matrix.mixed == 1 || matrix.mixed == 'x'", "params.maybe == null", "params.some == 'auto'",
        "default(params.maybe, 0) > 2", "params.word == null", "steps.train.outputs.model != null",
        "contains(steps.go.outputs, 'x')", "steps.go.outputs['go[x=1]'].y", "params.flag == (params.whole > 2)"}) {
    EXPECT_THAT(infer(source).problems, testing::IsEmpty()) << source;
  }
}

// No output may be declared as what no input or expression could ever use.
TEST(Declarations, OutputsHaveTypes) {
  for (const StepType& type : step_types()) {
    for (const Output& output : type.outputs) {
      EXPECT_NE(words(output.type), "anything") << type.name << "." << output.name;
      EXPECT_FALSE(output.doc.empty()) << type.name << "." << output.name;
    }
  }
  for (const Function& function : functions()) {
    EXPECT_EQ(function.takes.empty(), function.arguments_max == 0) << function.name;
    EXPECT_FALSE(function.doc.empty()) << function.name;
  }
}

}  // namespace
}  // namespace luthier::spec
