// The expressions inside ${{ }}: literals, params.*, matrix.*, steps.ID.outputs.*, steps.ID.status, comparison,
// && || !, indexing, and the functions listed in docs/pipelines.md. Pure; no exceptions; bounded depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::plan {

// The values an expression may name: {"params": {...}, "matrix": {...}, "steps": {"prepare": {"status":
// "succeeded", "outputs": {...}}}, "run": {"id": ..., "pipeline": ...}}. An unknown name is an error that lists
// near ones; a step that was skipped has status "skipped" and null outputs.
using Scope = nlohmann::json;

// Evaluates the text between ${{ and }}. Error messages carry the 1-based column within `source`.
[[nodiscard]] Result<nlohmann::json> evaluate(std::string_view source, const Scope& scope);

// Replaces every ${{ }} inside the strings of `value`, recursively. A string that is one expression and nothing
// else takes the expression's value with its type; otherwise values are written into the text.
[[nodiscard]] Result<nlohmann::json> substitute(const nlohmann::json& value, const Scope& scope);

// Ids named as steps.ID anywhere in `value`'s expressions, sorted, without repeats.
[[nodiscard]] Result<std::vector<std::string>> referenced_steps(const nlohmann::json& value);

}  // namespace luthier::plan
