// The functions of expressions that need only their arguments.
#include "pipelines/spec/functions.h"

#include <algorithm>
#include <charconv>

#include "pipelines/plan/evaluator.h"
#include "pipelines/plan/expression.h"

namespace luthier::plan {
namespace {

using Json = nlohmann::json;
using Arguments = std::vector<Json>;

constexpr std::size_t kJsonTextBytesMax = 64 << 10;
constexpr int kJsonDepthMax = 64;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

Result<Json> contains(const Arguments& arguments) {
  const Json& whole = arguments[0];
  const Json& part = arguments[1];
  if (whole.is_array()) {
    return Json(std::find(whole.begin(), whole.end(), part) != whole.end());
  }
  if (whole.is_object() && part.is_string()) {
    return Json(whole.contains(part.get<std::string>()));
  }
  if (whole.is_string() && part.is_string()) {
    return Json(whole.get_ref<const std::string&>().find(part.get_ref<const std::string&>()) != std::string::npos);
  }
  return invalid("cannot look for " + type_name(part) + " in " + type_name(whole));
}

Result<Json> starts_or_ends_with(const Arguments& arguments, bool starts) {
  if (!arguments[0].is_string() || !arguments[1].is_string()) {
    return invalid("takes two texts, got " + type_name(arguments[0]) + " and " + type_name(arguments[1]));
  }
  const std::string& whole = arguments[0].get_ref<const std::string&>();
  const std::string& part = arguments[1].get_ref<const std::string&>();
  return Json(starts ? whole.starts_with(part) : whole.ends_with(part));
}

// {0}, {1}, … are the arguments after the first; {{ and }} are braces.
Result<Json> format(const Arguments& arguments) {
  if (!arguments[0].is_string()) {
    return invalid("the first argument is text");
  }
  const std::string& pattern = arguments[0].get_ref<const std::string&>();
  if (std::string problem = spec::format_problem(pattern, arguments.size() - 1); !problem.empty()) {
    return invalid(std::move(problem));
  }
  std::string result;
  for (std::size_t i = 0; i < pattern.size() && result.size() <= kResultBytesMax; ++i) {
    const char c = pattern[i];
    if (c != '{' && c != '}') {
      result += c;
    } else if (i + 1 < pattern.size() && pattern[i + 1] == c) {
      result += c;
      ++i;
    } else {
      const std::size_t close = pattern.find('}', i);
      std::size_t number = 0;
      std::from_chars(pattern.data() + i + 1, pattern.data() + close, number);
      result += to_text(arguments.at(number + 1));
      i = close;
    }
  }
  return Json(std::move(result));
}

Result<Json> join(const Arguments& arguments) {
  if (!arguments[0].is_array() || !arguments[1].is_string()) {
    return invalid("takes a list and a separator, got " + type_name(arguments[0]) + " and " + type_name(arguments[1]));
  }
  std::string result;
  bool first = true;
  for (const Json& item : arguments[0]) {
    result += (first ? "" : arguments[1].get_ref<const std::string&>()) + to_text(item);
    first = false;
    if (result.size() > kResultBytesMax) {
      return invalid("the text grew beyond 1 MiB");
    }
  }
  return Json(std::move(result));
}

Result<Json> length(const Json& value) {
  if (value.is_structured()) {
    return Json(static_cast<std::int64_t>(value.size()));
  }
  if (!value.is_string()) {
    return invalid("takes text, a list or a map, got " + type_name(value));
  }
  std::int64_t characters = 0;
  for (const char c : value.get_ref<const std::string&>()) {
    characters += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  }
  return Json(characters);
}

Result<Json> from_json(const Json& value) {
  if (!value.is_string() || value.get_ref<const std::string&>().size() > kJsonTextBytesMax) {
    return invalid("takes JSON text of at most 64 KiB");
  }
  bool too_deep = false;
  const auto guard = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kJsonDepthMax;
    return !too_deep;
  };
  Json parsed = Json::parse(value.get_ref<const std::string&>(), guard, false);
  if (too_deep) {
    return invalid("the JSON is nested too deeply");
  }
  if (parsed.is_discarded()) {
    return invalid("the text is not JSON");
  }
  return parsed;
}

Result<Json> extreme(const Arguments& arguments, int sign) {
  const Arguments values = arguments.size() == 1 && arguments[0].is_array()
                               ? Arguments(arguments[0].begin(), arguments[0].end())
                               : arguments;
  if (values.empty()) {
    return invalid("an empty list has none");
  }
  Json best = values.front();
  for (const Json& value : values) {
    LUTHIER_TRY(const int order, compare(value, best));
    best = order * sign > 0 ? value : best;
  }
  return best;
}

}  // namespace

Result<Json> call_function(const std::string& name, Arguments arguments) {
  if (name == "contains") {
    return contains(arguments);
  }
  if (name == "startsWith" || name == "endsWith") {
    return starts_or_ends_with(arguments, name == "startsWith");
  }
  if (name == "format") {
    return format(arguments);
  }
  if (name == "join") {
    return join(arguments);
  }
  if (name == "length") {
    return length(arguments[0]);
  }
  if (name == "toJson") {
    return Json(arguments[0].dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  if (name == "fromJson") {
    return from_json(arguments[0]);
  }
  if (name == "min" || name == "max") {
    return extreme(arguments, name == "max" ? 1 : -1);
  }
  return Error{ErrorCode::kInternal, "unknown function"};
}

}  // namespace luthier::plan
