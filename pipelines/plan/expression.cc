#include "pipelines/plan/expression.h"

#include <algorithm>
#include <set>

#include "pipelines/plan/evaluator.h"
#include "pipelines/spec/check_value.h"
#include "pipelines/spec/syntax.h"

namespace luthier::plan {
namespace {

using Json = nlohmann::json;
using spec::Expression;
using spec::Piece;
using spec::Pieces;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

Result<Expression> parse(std::string_view source) {
  spec::ParsedExpression parsed = spec::parse_expression(source);
  if (!parsed.root) {
    return invalid("column " + std::to_string(parsed.column) + ": " + parsed.message);
  }
  return std::move(*parsed.root);
}

Result<Json> substitute_text(const std::string& text, const Scope& scope) {
  const Pieces pieces = spec::split_expressions(text);
  if (pieces.unclosed) {
    return invalid("a ${{ has no }} in '" + text.substr(0, 80) + "'");
  }
  const bool whole = spec::is_whole_expression(pieces);
  std::string result;
  for (const Piece& piece : pieces.pieces) {
    if (!piece.is_expression) {
      result += piece.text;
      continue;
    }
    auto value = evaluate(piece.text, scope);
    if (!value) {
      return std::move(value).error().with("${{" + std::string(piece.text.substr(0, 200)) + "}}");
    }
    if (whole) {
      return value;
    }
    if (is_artifact(*value) || (value->is_object() && value->contains("base"))) {
      return invalid("${{" + std::string(piece.text.substr(0, 200)) + "}}: " + spec::describe(*value) +
                     " cannot be written into text; name it under 'inputs' of a run step");
    }
    result += to_text(*value);
    if (result.size() > kResultBytesMax) {
      return invalid("the text grew beyond 1 MiB");
    }
  }
  return Json(std::move(result));
}

Result<void> add_references(std::string_view source, const Scope& scope, std::set<std::string>& found) {
  LUTHIER_TRY(const Expression root, parse(source));
  for (const spec::Reference& reference : spec::references(root)) {
    if (reference.path[0] != "steps") {
      continue;
    }
    if (reference.path.size() > 1) {
      found.insert(reference.path[1]);
      continue;
    }
    if (reference.computed == nullptr) {
      return invalid("name a step: steps.NAME.outputs.OUTPUT");
    }
    auto id = evaluate_tree(*reference.computed, scope);
    if (!id || !id->is_string()) {
      return invalid("the index of steps[…] must be known before the run starts, and be text" +
                     (id ? std::string() : ": " + id.error().message));
    }
    found.insert(id->get<std::string>());
  }
  return {};
}

Result<void> collect_references(const Json& value, const Scope& scope, std::set<std::string>& found) {
  if (value.is_string()) {
    const Pieces pieces = spec::split_expressions(value.get_ref<const std::string&>());
    for (const Piece& piece : pieces.pieces) {
      if (piece.is_expression) {
        LUTHIER_TRY_VOID(add_references(piece.text, scope, found));
      }
    }
  } else if (value.is_structured()) {
    for (const Json& member : value) {
      LUTHIER_TRY_VOID(collect_references(member, scope, found));
    }
  }
  return {};
}

}  // namespace

Result<Json> evaluate(std::string_view source, const Scope& scope) {
  LUTHIER_TRY(const Expression root, parse(source));
  auto value = evaluate_tree(root, scope);
  if (!value) {
    return invalid(value.error().message);  // kNotFound means something only to default()
  }
  return value;
}

Result<Json> substitute(const Json& value, const Scope& scope) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    return spec::has_expression(text) ? substitute_text(text, scope) : Result<Json>(value);
  }
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& item : value) {
      LUTHIER_TRY(Json replaced, substitute(item, scope));
      list.push_back(std::move(replaced));
    }
    return list;
  }
  if (value.is_object()) {
    Json map = Json::object();
    for (const auto& [key, member] : value.items()) {
      auto replaced = substitute(member, scope);
      if (!replaced) {
        return std::move(replaced).error().with(key);
      }
      map[key] = std::move(*replaced);
    }
    return map;
  }
  return value;
}

Result<std::vector<std::string>> referenced_steps(const Json& value, const Scope& scope) {
  std::set<std::string> found;
  LUTHIER_TRY_VOID(collect_references(value, scope, found));
  return std::vector<std::string>(found.begin(), found.end());
}

Result<std::vector<std::string>> steps_in_expression(std::string_view source, const Scope& scope) {
  std::set<std::string> found;
  LUTHIER_TRY_VOID(add_references(source, scope, found));
  return std::vector<std::string>(found.begin(), found.end());
}

}  // namespace luthier::plan
