// The type of an expression, and the clashes of types inside of it. Pure; never evaluates anything.
//
// Truth is not a matter of taste: `if`, &&, || and ! take true, false or null (an output of a step that was skipped;
// it counts as false), and nothing else, because a text "false" or a list would silently be true.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipelines/spec/syntax.h"
#include "pipelines/spec/value_type.h"

namespace luthier::spec {

// The types of the names that an expression may use.
struct TypeScope {
  std::vector<TypedMember> names;                // params, matrix, run, secrets
  std::function<Type(const std::string&)> step;  // of steps.ID; any for an unknown one
};

struct TypeProblem {
  std::string message;  // what is wrong and what to do
  int column = 1;       // 1-based, in the expression's text
};

struct InferredType {
  Type type;
  std::vector<TypeProblem> problems;
};

// Unknown names are any: check_references.h reports them.
[[nodiscard]] InferredType infer_type(const Expression& root, const TypeScope& scope);

// Where the text of an expression begins; the column of an operator or a member is its own.
[[nodiscard]] int first_column(const Expression& node);

// The expression as it could be written, when it is short: "params.epochs", "'text'", "length(…)"; else "this
// expression".
[[nodiscard]] std::string written(const Expression& node);

// What is wrong with an operand of `where` ("'if'", "&&", …) that must be true or false; empty when nothing is.
[[nodiscard]] std::string truth_problem(const std::string& where, const Expression& node, const Type& type);

}  // namespace luthier::spec
