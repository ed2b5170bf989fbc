// The expressions inside ${{ }}: literals, params.*, matrix.*, steps.ID.outputs.*, steps.ID.status, run.id,
// comparison, arithmetic, && || !, indexing, and the functions listed in docs/pipelines.md. Pure; no exceptions;
// bounded length, depth and size of results. The grammar is in pipelines/spec/syntax.h.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::plan {

// The values an expression may name: {"params": {...}, "matrix": {...}, "steps": {"prepare": {"status":
// "succeeded", "outputs": {...}}}, "run": {"id": ..., "pipeline": ...}, "needs": [{"id": "prepare", "status":
// "succeeded"}, ...]}. Members that an expression does not use may be absent.
//  - An unknown name is an error that lists near ones. A step that was skipped has status "skipped" and null
//    outputs; a member of null is null.
//  - steps holds the members of a matrix by id ("train[lr=0.1]"). steps.train of a matrix is made from them:
//    outputs are keyed by member id; status is "succeeded" when all are, else the first other status.
//  - success(): every step of "needs" succeeded. failure(): at least one failed. always(): true.
using Scope = nlohmann::json;

// Evaluates the text between ${{ and }}. Error messages carry the 1-based column within `source`.
[[nodiscard]] Result<nlohmann::json> evaluate(std::string_view source, const Scope& scope);

// What `if`, &&, || and ! make of a value: true and false are themselves, null (an output of a step that was skipped)
// is false; anything else is an error, because a text "false" must not be true.
[[nodiscard]] Result<bool> truth_of(const nlohmann::json& value);

// Replaces every ${{ }} inside the strings of `value`, recursively. A string that is one expression and nothing
// else takes the expression's value with its type; otherwise values are written into the text, which an artifact or a
// model cannot be.
[[nodiscard]] Result<nlohmann::json> substitute(const nlohmann::json& value, const Scope& scope);

// Ids named as steps.ID anywhere in `value`'s expressions, sorted, without repeats. A computed index, as in
// steps[format("train[lr={0}]", matrix.lr)], is evaluated in `scope`, which holds params and matrix. An id may be the
// name of a matrix step, which means all its members.
[[nodiscard]] Result<std::vector<std::string>> referenced_steps(const nlohmann::json& value,
                                                                const Scope& scope = Scope::object());

// The same for the text of one expression, without ${{ }}.
[[nodiscard]] Result<std::vector<std::string>> steps_in_expression(std::string_view source,
                                                                   const Scope& scope = Scope::object());

// A scalar as it is written into text and into the ids of matrix members: text as it is, numbers as JSON writes them.
[[nodiscard]] std::string to_text(const nlohmann::json& value);

}  // namespace luthier::plan
