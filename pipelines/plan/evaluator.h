// Evaluation of a parsed expression; the inside of expression.h.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "pipelines/spec/syntax.h"

namespace luthier::plan {

inline constexpr std::size_t kResultBytesMax = 1 << 20;  // of any text that an expression makes

// `scope` as in expression.h. kNotFound: a name or member does not exist; kInvalidArgument: all else.
[[nodiscard]] Result<nlohmann::json> evaluate_tree(const spec::Expression& root, const nlohmann::json& scope);

// Calls a function of spec::functions() other than success, failure, always and default. Errors have no column.
[[nodiscard]] Result<nlohmann::json> call_function(const std::string& name, std::vector<nlohmann::json> arguments);

// {"$artifact": …}: bytes in the store.
[[nodiscard]] bool is_artifact(const nlohmann::json& value);

// "text", "number", "true or false", "nothing" (null), "list", "artifact", "map".
[[nodiscard]] std::string type_name(const nlohmann::json& value);

// -1, 0, 1; an error when the two cannot be ordered ("cannot compare text with number").
[[nodiscard]] Result<int> compare(const nlohmann::json& a, const nlohmann::json& b);

}  // namespace luthier::plan
