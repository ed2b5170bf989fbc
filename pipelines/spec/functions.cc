#include "pipelines/spec/functions.h"

#include <algorithm>
#include <charconv>

namespace luthier::spec {
namespace {

constexpr int kManyArguments = 1000;

std::vector<Function> make_functions() {
  using types::any;
  using types::integer;
  using types::one_of;
  using types::text;
  using types::truth;
  const Type ordered = one_of(Type::kNumber | Type::kText);
  const Type orders = one_of(Type::kNumber | Type::kText | Type::kList);
  return {
      {"success", 0, 0, {}, truth(), "only in `if`: all needs succeeded"},
      {"failure", 0, 0, {}, truth(), "only in `if`: at least one need failed"},
      {"always", 0, 0, {}, truth(), "only in `if`: true"},
      {"contains",
       2,
       2,
       {one_of(Type::kText | Type::kList | Type::kMap), any()},
       truth(),
       "text in text, item in list, key in map"},
      {"startsWith", 2, 2, {text(), text()}, truth(), "whether text a begins with text b"},
      {"endsWith", 2, 2, {text(), text()}, truth(), "whether text a ends with text b"},
      {"format", 1, kManyArguments, {text(), any()}, text(), "{0}, {1}, … are the arguments; {{ and }} are braces"},
      {"join", 2, 2, {one_of(Type::kList), text()}, text(), "the items of a list with text between them"},
      {"length", 1, 1, {one_of(Type::kText | Type::kList | Type::kMap)}, integer(), "characters, items or keys"},
      {"toJson", 1, 1, {any()}, text(), "JSON text"},
      {"fromJson", 1, 1, {text()}, any(), "the value that JSON text holds"},
      {"default", 2, 2, {any(), any()}, any(), "b when a is null or does not exist"},
      {"min", 1, kManyArguments, {orders}, ordered, "the least of numbers or of texts, or of one list"},
      {"max", 1, kManyArguments, {orders}, ordered, "the greatest of numbers or of texts, or of one list"},
  };
}

}  // namespace

const std::vector<Function>& functions() {
  static const std::vector<Function> table = make_functions();
  return table;
}

const Function* find_function(std::string_view name) {
  const std::vector<Function>& table = functions();
  const auto found =
      std::find_if(table.begin(), table.end(), [name](const Function& function) { return function.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string format_problem(std::string_view pattern, std::size_t arguments) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{' && pattern[i] != '}') {
      continue;
    }
    if (i + 1 < pattern.size() && pattern[i + 1] == pattern[i]) {
      ++i;
      continue;
    }
    const std::size_t close = pattern.find('}', i);
    std::size_t number = 0;
    const char* begin = pattern.data() + i + 1;
    const char* end = pattern.data() + std::min(close, pattern.size());
    const auto parsed =
        begin <= end ? std::from_chars(begin, end, number) : std::from_chars_result{begin, std::errc::invalid_argument};
    if (pattern[i] == '}' || close == std::string_view::npos || parsed.ec != std::errc{} || parsed.ptr != end) {
      return "a brace in the text is {0}, {1}, … or doubled ({{, }})";
    }
    if (number >= arguments) {
      return "{" + std::to_string(number) + "} has no argument";
    }
    i = close;
  }
  return {};
}

}  // namespace luthier::spec
