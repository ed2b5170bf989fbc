#include "pipelines/plan/evaluator.h"

#include <cmath>
#include <optional>
#include <vector>

#include "pipelines/plan/expression.h"
#include "pipelines/spec/check_value.h"
#include "pipelines/spec/diagnostic.h"

namespace luthier::plan {
namespace {

using Json = nlohmann::json;
using spec::Expression;

Error error_at(const Expression& node, const std::string& message, ErrorCode code = ErrorCode::kInvalidArgument) {
  return Error{code, "column " + std::to_string(node.column) + ": " + message};
}

// Members of the matrix step `name`, gathered as one step; nothing when there are none.
std::optional<Json> gather_members(const Json& steps, const std::string& name) {
  Json outputs = Json::object();
  std::string status = "succeeded";
  const std::string prefix = name + "[";
  for (const auto& [id, step] : steps.items()) {
    if (id.starts_with(prefix) && step.is_object()) {
      outputs[id] = step.value("outputs", Json());
      const std::string own = step.value("status", std::string());
      status = status == "succeeded" ? own : status;
    }
  }
  if (outputs.empty()) {
    return std::nullopt;
  }
  return Json{{"status", status}, {"outputs", std::move(outputs)}};
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) {
    keys.push_back(key);
  }
  return keys;
}

class Evaluator {
 public:
  explicit Evaluator(const Json& scope) : scope_(scope) {}

  Result<Json> evaluate(const Expression& node) {
    switch (node.kind) {
      case Expression::Kind::kLiteral: return node.literal;
      case Expression::Kind::kName: return name(node);
      case Expression::Kind::kMember: return member(node);
      case Expression::Kind::kIndex: return index(node);
      case Expression::Kind::kUnary: return unary(node);
      case Expression::Kind::kBinary: return binary(node);
      case Expression::Kind::kCall: return call(node);
    }
    return error_at(node, "unknown kind of expression");
  }

 private:
  Result<Json> name(const Expression& node) {
    if (node.text != "needs" && scope_.is_object() && scope_.contains(node.text)) {
      return scope_[node.text];
    }
    std::vector<std::string> known = keys_of(scope_);
    std::erase(known, "needs");
    return error_at(node, "unknown name '" + node.text + "'" + spec::suggestion(node.text, known),
                    ErrorCode::kNotFound);
  }

  // steps.ID, without copying the other steps.
  Result<Json> step(const Expression& node, const std::string& id) {
    static const Json kNoSteps = Json::object();
    const auto found = scope_.find("steps");
    const Json& steps = found != scope_.end() && found->is_object() ? *found : kNoSteps;
    if (steps.contains(id)) {
      return steps[id];
    }
    if (auto gathered = gather_members(steps, id)) {
      return std::move(*gathered);
    }
    return error_at(node, "there is no step '" + id + "'" + spec::suggestion(id, keys_of(steps)), ErrorCode::kNotFound);
  }

  static bool is_steps(const Expression& node) { return node.kind == Expression::Kind::kName && node.text == "steps"; }

  Result<Json> look_up(const Expression& node, const Json& object, const std::string& key) {
    if (object.is_null()) {
      return Json();
    }
    if (!object.is_object()) {
      return error_at(node, "a " + type_name(object) + " has no member '" + key + "'");
    }
    if (const auto found = object.find(key); found != object.end()) {
      return *found;
    }
    return error_at(node, "there is no '" + key + "' here" + spec::suggestion(key, keys_of(object)),
                    ErrorCode::kNotFound);
  }

  Result<Json> member(const Expression& node) {
    if (is_steps(node.children[0])) {
      return step(node, node.text);
    }
    LUTHIER_TRY(const Json object, evaluate(node.children[0]));
    return look_up(node, object, node.text);
  }

  Result<Json> index(const Expression& node) {
    LUTHIER_TRY(const Json key, evaluate(node.children[1]));
    if (is_steps(node.children[0])) {
      return key.is_string() ? step(node, key.get<std::string>()) : error_at(node, "the id of a step is text");
    }
    LUTHIER_TRY(const Json object, evaluate(node.children[0]));
    if (object.is_array()) {
      const std::string size = std::to_string(object.size());
      if (!key.is_number_integer()) {
        return error_at(node, "the index of a list is an integer, got " + type_name(key));
      }
      const auto position = key.get<std::int64_t>();
      if (position < 0 || static_cast<std::size_t>(position) >= object.size()) {
        return error_at(node, "index " + key.dump() + " is outside of the list, which has " + size + " items");
      }
      return object[static_cast<std::size_t>(position)];
    }
    if (!key.is_string()) {
      return error_at(node, "the key of a " + type_name(object) + " is text, got " + type_name(key));
    }
    return look_up(node, object, key.get<std::string>());
  }

  Result<Json> unary(const Expression& node) {
    LUTHIER_TRY(const Json operand, evaluate(node.children[0]));
    if (node.text == "!") {
      LUTHIER_TRY(const bool truth, truth_at(node, operand));
      return Json(!truth);
    }
    if (!operand.is_number()) {
      return error_at(node, "cannot negate a " + type_name(operand));
    }
    if (operand.is_number_integer()) {
      return integer(node, Json(0), operand, "-");
    }
    return Json(-operand.get<double>());
  }

  Result<Json> binary(const Expression& node) {
    LUTHIER_TRY(const Json left, evaluate(node.children[0]));
    if (node.text == "&&" || node.text == "||") {
      LUTHIER_TRY(const bool first, truth_at(node, left));
      if (first == (node.text == "||")) {
        return Json(first);
      }
    }
    LUTHIER_TRY(const Json right, evaluate(node.children[1]));
    if (node.text == "&&" || node.text == "||") {
      LUTHIER_TRY(const bool second, truth_at(node, right));
      return Json(second);
    }
    if (node.text == "==" || node.text == "!=") {
      return equal(node, left, right);
    }
    if (node.text[0] == '<' || node.text[0] == '>') {
      auto order = compare(left, right);
      if (!order) {
        return error_at(node, order.error().message);
      }
      return Json(node.text == "<"    ? *order < 0
                  : node.text == "<=" ? *order <= 0
                  : node.text == ">"  ? *order > 0
                                      : *order >= 0);
    }
    return arithmetic(node, left, right);
  }

  static Result<bool> truth_at(const Expression& node, const Json& value) {
    auto truth = truth_of(value);
    return truth ? truth : Result<bool>(error_at(node, node.text + ": " + truth.error().message));
  }

  static Result<Json> equal(const Expression& node, const Json& left, const Json& right) {
    if (!left.is_null() && !right.is_null() && type_name(left) != type_name(right)) {
      return error_at(node, "cannot compare " + type_name(left) + " with " + type_name(right));
    }
    return Json((left == right) == (node.text == "=="));
  }

  static Result<Json> arithmetic(const Expression& node, const Json& left, const Json& right) {
    if (node.text == "+" && left.is_string() && right.is_string()) {
      std::string text = left.get<std::string>() + right.get<std::string>();
      if (text.size() > kResultBytesMax) {
        return error_at(node, "the text grew beyond 1 MiB");
      }
      return Json(std::move(text));
    }
    if (!left.is_number() || !right.is_number()) {
      return error_at(node, "cannot compute " + type_name(left) + " " + node.text + " " + type_name(right) +
                                (node.text == "+" ? "; join text with format()" : ""));
    }
    if (node.text == "/" && right.get<double>() == 0.0) {
      return error_at(node, "division by zero");
    }
    if (left.is_number_integer() && right.is_number_integer()) {
      return integer(node, left, right, node.text);
    }
    const double a = left.get<double>();
    const double b = right.get<double>();
    const double value = node.text == "+" ? a + b : node.text == "-" ? a - b : node.text == "*" ? a * b : a / b;
    if (!std::isfinite(value)) {
      return error_at(node, "the result is too large");
    }
    return Json(value);
  }

  // Integers stay integers where the result is one.
  static Result<Json> integer(const Expression& node, const Json& left, const Json& right, const std::string& symbol) {
    const auto fits = [](const Json& value) {
      return !value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX);
    };
    const auto a = left.get<std::int64_t>();
    const auto b = right.get<std::int64_t>();
    std::int64_t value = 0;
    bool overflow = !fits(left) || !fits(right);
    if (symbol == "+") {
      overflow = overflow || __builtin_add_overflow(a, b, &value);
    } else if (symbol == "-") {
      overflow = overflow || __builtin_sub_overflow(a, b, &value);
    } else if (symbol == "*") {
      overflow = overflow || __builtin_mul_overflow(a, b, &value);
    } else if (b == -1) {
      overflow = overflow || __builtin_sub_overflow(std::int64_t{0}, a, &value);
    } else if (!overflow && a % b == 0) {
      value = a / b;
    } else if (!overflow) {
      return Json(static_cast<double>(a) / static_cast<double>(b));
    }
    if (overflow) {
      return error_at(node, "the result is too large");
    }
    return Json(value);
  }

  Result<Json> call(const Expression& node) {
    if (node.text == "success" || node.text == "failure" || node.text == "always") {
      return status_function(node);
    }
    if (node.text == "default") {
      auto value = evaluate(node.children[0]);
      const bool missing = value ? value->is_null() : value.error().code == ErrorCode::kNotFound;
      return missing ? evaluate(node.children[1]) : std::move(value);
    }
    std::vector<Json> arguments;
    for (const Expression& child : node.children) {
      LUTHIER_TRY(Json argument, evaluate(child));
      arguments.push_back(std::move(argument));
    }
    auto result = call_function(node.text, std::move(arguments));
    if (!result) {
      return error_at(node, node.text + "(): " + result.error().message);
    }
    if (result->is_string() && result->get_ref<const std::string&>().size() > kResultBytesMax) {
      return error_at(node, node.text + "(): the text grew beyond 1 MiB");
    }
    return result;
  }

  Result<Json> status_function(const Expression& node) {
    const auto needs = scope_.find("needs");
    if (node.text == "always") {
      return Json(true);
    }
    if (needs == scope_.end() || !needs->is_array()) {
      return error_at(node, node.text + "() is only for 'if'");
    }
    bool all_succeeded = true;
    bool any_failed = false;
    for (const Json& need : *needs) {
      const std::string status = need.is_object() ? need.value("status", std::string()) : std::string();
      all_succeeded = all_succeeded && status == "succeeded";
      any_failed = any_failed || status == "failed";
    }
    return Json(node.text == "success" ? all_succeeded : any_failed);
  }

  const Json& scope_;
};

}  // namespace

Result<Json> evaluate_tree(const Expression& root, const Json& scope) { return Evaluator(scope).evaluate(root); }

Result<bool> truth_of(const Json& value) {
  if (value.is_null()) {
    return false;
  }
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  return Error{ErrorCode::kInvalidArgument,
               "expected true or false, got " + spec::describe(value) + "; compare it, as in X > 0 or X == 'yes'"};
}

bool is_artifact(const Json& value) { return value.is_object() && value.contains("$artifact"); }

std::string type_name(const Json& value) {
  return value.is_string()    ? "text"
         : value.is_number()  ? "number"
         : value.is_boolean() ? "true or false"
         : value.is_null()    ? "nothing"
         : value.is_array()   ? "list"
         : is_artifact(value) ? "artifact"
                              : "map";
}

Result<int> compare(const Json& a, const Json& b) {
  if (!(a.is_number() && b.is_number()) && !(a.is_string() && b.is_string())) {
    return Error{ErrorCode::kInvalidArgument, "cannot compare " + type_name(a) + " with " + type_name(b)};
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

std::string to_text(const Json& value) {
  return value.is_string() ? value.get<std::string>()
         : value.is_null() ? ""
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace luthier::plan
