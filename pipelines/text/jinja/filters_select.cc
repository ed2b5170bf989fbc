// Filters that apply a filter or a test to every item.
#include <algorithm>
#include <array>
#include <charconv>

#include "pipelines/text/jinja/attribute_path.h"
#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/nesting.h"

namespace luthier::text::jinja {

AttributePath::AttributePath(const Value& attribute) {
  if (attribute.is_integral()) {
    parts_.push_back(attribute);
  } else if (attribute.is_text()) {
    std::string_view rest = attribute.as_text();
    while (true) {
      const std::size_t dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      std::int64_t index = 0;
      const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool is_index = read.ec == std::errc() && read.ptr == part.data() + part.size() && part.front() != '-';
      parts_.push_back(is_index ? Value::integer(index) : Value::text(part));
      if (dot == std::string_view::npos) {
        break;
      }
      rest.remove_prefix(dot + 1);
    }
  } else if (!attribute.is_none()) {
    fail("an attribute is named by text or a number, not '" + std::string(type_name(attribute)) + "'");
  }
}

Value AttributePath::read(Evaluator& evaluator, const Value& item, const Value* fallback) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = evaluator.item(value, part);
    if (fallback != nullptr && value.is_undefined()) {
      value = *fallback;
    }
  }
  return value;
}

namespace {

Arguments without_first(const Arguments& arguments, std::size_t count) {
  Arguments rest;
  rest.named = arguments.named;
  if (arguments.positional.size() > count) {
    rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                           arguments.positional.end());
  }
  return rest;
}

std::string_view name_in(const Arguments& arguments, std::size_t index, std::string_view what) {
  if (!arguments.positional[index].is_text()) {
    fail("'" + std::string(what) + "' takes a name as text");
  }
  return arguments.positional[index].as_text();
}

Value map(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  std::vector<Value> results;
  if (!is_true(input)) {
    return evaluator.heap().iterator({});
  }
  if (arguments.positional.empty()) {
    const AttributePath path(arguments.require(0, "attribute", "map"));
    const auto fallback = arguments.find(0, "default");
    arguments.finish(0, "map");
    const bool has_fallback = fallback && !fallback->is_none();
    for (const Value& item : evaluator.items_of(input).items) {
      results.push_back(path.read(evaluator, item, has_fallback ? &*fallback : nullptr));
    }
    return evaluator.heap().iterator(std::move(results));
  }
  const std::string_view name = name_in(arguments, 0, "map");
  for (const Value& item : evaluator.items_of(input).items) {
    Arguments rest = without_first(arguments, 1);
    results.push_back(evaluator.filter_nested(name, item, rest));
  }
  return evaluator.heap().iterator(std::move(results));
}

template <bool wanted, bool by_attribute>
Value select(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  constexpr std::size_t kOffset = by_attribute ? 1 : 0;
  if (!is_true(input)) {
    return evaluator.heap().iterator({});
  }
  if (by_attribute && arguments.positional.empty()) {
    fail("this filter needs an attribute's name");
  }
  const AttributePath path(by_attribute ? arguments.positional[0] : Value::none());
  const bool has_test = arguments.positional.size() > kOffset;
  const std::string_view test = has_test ? name_in(arguments, kOffset, "select") : std::string_view();
  std::vector<Value> results;
  for (const Value& item : evaluator.items_of(input).items) {
    const Value value = path.read(evaluator, item);
    Arguments rest = without_first(arguments, kOffset + 1);
    if ((has_test ? evaluator.test(test, value, rest) : is_true(value)) == wanted) {
      results.push_back(item);
    }
  }
  return evaluator.heap().iterator(std::move(results));
}

constexpr std::array<std::pair<std::string_view, FilterFunction>, 5> kFilters = {{
    {"map", map},
    {"select", select<true, false>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<false, true>},
}};

}  // namespace

Value Evaluator::filter_nested(std::string_view name, const Value& input, Arguments& arguments) {
  const Nesting nesting(*this);
  return filter(name, input, arguments);
}

FilterFunction find_select_filter(std::string_view name) {
  for (const auto& [known, function] : kFilters) {
    if (known == name) {
      return function;
    }
  }
  return nullptr;
}

}  // namespace luthier::text::jinja
