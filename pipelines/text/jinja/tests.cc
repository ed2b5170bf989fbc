// What stands behind `is`.
#include <array>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

template <Operator sign>
bool holds(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  return is_true(apply(evaluator, sign, input, arguments.require(0, "other", "is")));
}

std::int64_t whole(const Value& value) {
  if (!value.is_integral()) {
    fail("this test needs a whole number, not '" + std::string(type_name(value)) + "'");
  }
  return value.as_integer();
}

template <bool (*has)(char32_t), bool (*lacks)(char32_t)>
bool has_case(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  const std::string text = to_text(evaluator.heap(), input);
  bool any = false;
  for (std::size_t offset = 0; offset < text.size();) {
    const char32_t character = next_character(text, offset);
    if (lacks(character)) {
      return false;
    }
    any = any || has(character);
  }
  return any;
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_text() || value.is(Kind::kList) || value.is(Kind::kMap) ||
         value.is(Kind::kIterator) || value.is(Kind::kLoop);
}

bool is_same(const Value& left, const Value& right) {
  if (left.kind() != right.kind()) {
    return false;
  }
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kBool:
    case Kind::kInt: return left.as_integer() == right.as_integer();
    case Kind::kFloat: return left.as_real() == right.as_real();
    case Kind::kText: return left.as_text() == right.as_text();
    case Kind::kList: return &left.as_list() == &right.as_list();
    case Kind::kMap: return &left.as_map() == &right.as_map();
    case Kind::kIterator: return &left.as_iterator() == &right.as_iterator();
    case Kind::kNamespace: return &left.as_namespace() == &right.as_namespace();
    case Kind::kLoop: return &left.as_loop() == &right.as_loop();
    case Kind::kCallable: return &left.as_callable() == &right.as_callable();
  }
  return false;
}

using Test = std::pair<std::string_view, TestFunction>;

// Of the value's kind.
constexpr std::array<Test, 17> kKindTests = {{
    {"defined", [](Evaluator&, const Value& value, Arguments&) { return !value.is_undefined(); }},
    {"undefined", [](Evaluator&, const Value& value, Arguments&) { return value.is_undefined(); }},
    {"none", [](Evaluator&, const Value& value, Arguments&) { return value.is_none(); }},
    {"boolean", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kBool); }},
    {"true", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kBool) && value.as_bool(); }},
    {"false", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kBool) && !value.as_bool(); }},
    {"integer", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kInt); }},
    {"float", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kFloat); }},
    {"number", [](Evaluator&, const Value& value, Arguments&) { return value.is_number(); }},
    {"string", [](Evaluator&, const Value& value, Arguments&) { return value.is_text(); }},
    {"mapping", [](Evaluator&, const Value& value, Arguments&) { return value.is(Kind::kMap); }},
    {"iterable", [](Evaluator&, const Value& value, Arguments&) { return is_iterable(value); }},
    {"sequence",
     [](Evaluator&, const Value& value, Arguments&) {
       return value.is_undefined() || value.is_text() || value.is(Kind::kMap) ||
              (value.is(Kind::kList) && !value.as_list().is_view());
     }},
    {"callable", [](Evaluator&, const Value& value,
                    Arguments&) { return value.is_undefined() || value.is(Kind::kCallable) || value.is(Kind::kLoop); }},
    {"escaped", [](Evaluator&, const Value&, Arguments&) { return false; }},
    {"lower", has_case<is_lower, is_upper>},
    {"upper", has_case<is_upper, is_lower>},
}};

// Of the value, mostly against another one.
constexpr std::array<Test, 22> kValueTests = {{
    {"eq", holds<Operator::kEqual>},
    {"==", holds<Operator::kEqual>},
    {"equalto", holds<Operator::kEqual>},
    {"ne", holds<Operator::kNotEqual>},
    {"!=", holds<Operator::kNotEqual>},
    {"lt", holds<Operator::kLess>},
    {"<", holds<Operator::kLess>},
    {"lessthan", holds<Operator::kLess>},
    {"le", holds<Operator::kLessOrEqual>},
    {"<=", holds<Operator::kLessOrEqual>},
    {"gt", holds<Operator::kGreater>},
    {">", holds<Operator::kGreater>},
    {"greaterthan", holds<Operator::kGreater>},
    {"ge", holds<Operator::kGreaterOrEqual>},
    {">=", holds<Operator::kGreaterOrEqual>},
    {"in", holds<Operator::kIn>},
    {"odd", [](Evaluator&, const Value& value, Arguments&) { return whole(value) % 2 != 0; }},
    {"even", [](Evaluator&, const Value& value, Arguments&) { return whole(value) % 2 == 0; }},
    {"divisibleby",
     [](Evaluator& evaluator, const Value& value, Arguments& arguments) {
       const Value divisor = arguments.require(0, "num", "divisibleby");
       return !is_true(
           apply(evaluator, Operator::kModulo, Value::integer(whole(value)), Value::integer(whole(divisor))));
     }},
    {"sameas", [](Evaluator&, const Value& value,
                  Arguments& arguments) { return is_same(value, arguments.require(0, "other", "sameas")); }},
    {"filter",
     [](Evaluator&, const Value& value, Arguments&) {
       return value.is_text() &&
              (find_text_filter(value.as_text()) != nullptr || find_sequence_filter(value.as_text()) != nullptr ||
               find_select_filter(value.as_text()) != nullptr);
     }},
    {"test", [](Evaluator&, const Value& value,
                Arguments&) { return value.is_text() && find_test(value.as_text()) != nullptr; }},
}};

}  // namespace

TestFunction find_test(std::string_view name) {
  for (const auto& [known, function] : kKindTests) {
    if (known == name) {
      return function;
    }
  }
  for (const auto& [known, function] : kValueTests) {
    if (known == name) {
      return function;
    }
  }
  return nullptr;
}

}  // namespace luthier::text::jinja
