// Expressions.
#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/nesting.h"

namespace luthier::text::jinja {

using Node = Expression::Kind;

namespace {

bool is_block_filter(const Expression& node) {
  const Expression* at = &node;
  while (at != nullptr && at->kind == Node::kFilter) {
    at = at->parts[0].get();
  }
  return at == nullptr;
}

}  // namespace

Value Evaluator::evaluate(const Expression& node, Scope& scope) {
  const Nesting nesting(*this);
  heap_.step();
  offset_ = node.offset;
  switch (node.kind) {
    case Node::kText: return Value::text(node.text);
    case Node::kInteger: return Value::integer(node.integer);
    case Node::kReal: return Value::real(node.real);
    case Node::kBool: return Value::boolean(node.integer != 0);
    case Node::kNone: return Value::none();
    case Node::kName: return name(node, scope);
    case Node::kTuple: return heap_.list_value(evaluate_all(node.parts, scope), ListKind::kTuple);
    case Node::kList: return heap_.list_value(evaluate_all(node.parts, scope));
    case Node::kDict: return dictionary(node, scope);
    case Node::kAttribute: {
      const Value object = evaluate(*node.parts[0], scope);
      offset_ = node.offset;
      return attribute(object, node.text);
    }
    case Node::kItem: {
      const Value object = evaluate(*node.parts[0], scope);
      const Value key = evaluate(*node.parts[1], scope);
      offset_ = node.offset;
      return item(object, key);
    }
    case Node::kSlice: return slice(node, scope);
    case Node::kCall: return call(node, scope);
    case Node::kFilter: return filter(node, Value(), scope);
    default: return evaluate_operator(node, scope);
  }
}

Value Evaluator::evaluate_operator(const Expression& node, Scope& scope) {
  switch (node.kind) {
    case Node::kTest: {
      const Value input = evaluate(*node.parts[0], scope);
      Arguments given = arguments(node, scope);
      offset_ = node.offset;
      return Value::boolean(test(node.text, input, given));
    }
    case Node::kBinary: return binary(node, scope);
    case Node::kCompare: return comparison(node, scope);
    case Node::kConcatenate: return concatenation(node, scope);
    case Node::kAnd: {
      const Value left = evaluate(*node.parts[0], scope);
      return is_true(left) ? evaluate(*node.parts[1], scope) : left;
    }
    case Node::kOr: {
      const Value left = evaluate(*node.parts[0], scope);
      return is_true(left) ? left : evaluate(*node.parts[1], scope);
    }
    case Node::kNot: return Value::boolean(!is_true(evaluate(*node.parts[0], scope)));
    case Node::kConditional:
      if (is_true(evaluate(*node.parts[0], scope))) {
        return evaluate(*node.parts[1], scope);
      }
      return node.parts[2] != nullptr ? evaluate(*node.parts[2], scope)
                                      : Value::undefined("an 'if' without 'else' whose test is false");
    default: return negation(node, scope);
  }
}

Value Evaluator::name(const Expression& node, Scope& scope) {
  if (const Value* value = scope.find(node.text)) {
    return *value;
  }
  if (const Native native = find_function(node.text)) {
    return heap_.callable({.name = node.text, .native = native});
  }
  return Value::undefined(node.text);
}

std::vector<Value> Evaluator::evaluate_all(const std::vector<ExpressionPointer>& nodes, Scope& scope) {
  std::vector<Value> values;
  values.reserve(nodes.size());
  for (const ExpressionPointer& node : nodes) {
    values.push_back(evaluate(*node, scope));
  }
  return values;
}

Value Evaluator::dictionary(const Expression& node, Scope& scope) {
  Map map;
  for (std::size_t i = 0; i + 1 < node.parts.size(); i += 2) {
    const Value key = evaluate(*node.parts[i], scope);
    if (!is_key(key)) {
      offset_ = node.parts[i]->offset;
      fail("a mapping's key is text or a number, not '" + std::string(type_name(key)) + "'");
    }
    map.set(key, evaluate(*node.parts[i + 1], scope));
  }
  return Value(heap_.map(std::move(map)));
}

Value Evaluator::slice(const Expression& node, Scope& scope) {
  const Value object = evaluate(*node.parts[0], scope);
  const auto bound = [&](std::size_t part) -> std::optional<std::int64_t> {
    if (node.parts[part] == nullptr) {
      return std::nullopt;
    }
    const Value value = evaluate(*node.parts[part], scope);
    if (value.is_none()) {
      return std::nullopt;
    }
    if (!value.is_integral()) {
      fail("the bounds of a slice are whole numbers, not '" + std::string(type_name(value)) + "'");
    }
    return value.as_integer();
  };
  const auto begin = bound(1);
  const auto end = bound(2);
  const auto step = bound(3);
  offset_ = node.offset;
  return slice_of(*this, object, begin, end, step);
}

Value Evaluator::binary(const Expression& node, Scope& scope) {
  const Value left = evaluate(*node.parts[0], scope);
  const Value right = evaluate(*node.parts[1], scope);
  offset_ = node.offset;
  return apply(*this, node.operators.front(), left, right);
}

Value Evaluator::comparison(const Expression& node, Scope& scope) {
  Value left = evaluate(*node.parts[0], scope);
  Value result = Value::boolean(true);
  for (std::size_t i = 0; i < node.operators.size(); ++i) {
    const Value right = evaluate(*node.parts[i + 1], scope);
    offset_ = node.offset;
    result = apply(*this, node.operators[i], left, right);
    if (!is_true(result)) {
      return result;
    }
    left = right;
  }
  return result;
}

Value Evaluator::concatenation(const Expression& node, Scope& scope) {
  const std::vector<Value> parts = evaluate_all(node.parts, scope);
  offset_ = node.offset;
  TextBuilder text(heap_);
  for (const Value& part : parts) {
    text.add(to_text(heap_, part));
  }
  return text.finish();
}

Value Evaluator::negation(const Expression& node, Scope& scope) {
  const Value value = evaluate(*node.parts[0], scope);
  offset_ = node.offset;
  if (!value.is_number()) {
    fail(value.is_undefined() ? undefined_message(value)
                              : "a sign before '" + std::string(type_name(value)) + "', which is no number");
  }
  if (value.is(Kind::kFloat)) {
    return node.kind == Node::kNegate ? Value::real(-value.as_real()) : value;
  }
  return Value::integer(node.kind == Node::kNegate ? -value.as_integer() : value.as_integer());
}

Arguments Evaluator::arguments(const Expression& node, Scope& scope) {
  Arguments given;
  given.positional = evaluate_all(node.arguments, scope);
  for (const auto& [key, expression] : node.named_arguments) {
    given.named.emplace_back(key, evaluate(*expression, scope));
  }
  if (node.more_arguments != nullptr) {
    const List& more = items_of(evaluate(*node.more_arguments, scope));
    given.positional.insert(given.positional.end(), more.items.begin(), more.items.end());
  }
  if (node.more_named_arguments != nullptr) {
    const Value more = evaluate(*node.more_named_arguments, scope);
    if (!more.is(Kind::kMap)) {
      fail("'**' takes a mapping, not '" + std::string(type_name(more)) + "'");
    }
    for (const auto& [key, value] : more.as_map().entries) {
      if (!key.is_text()) {
        fail("'**' takes a mapping whose keys are text");
      }
      given.named.emplace_back(key.as_text(), value);
    }
  }
  return given;
}

// `input` goes to the innermost filter of a block, which stands around a null.
Value Evaluator::filter(const Expression& node, const Value& input, Scope& scope) {
  const Nesting nesting(*this);
  Value value = input;
  if (node.parts[0] != nullptr) {
    value = is_block_filter(*node.parts[0]) ? filter(*node.parts[0], input, scope) : evaluate(*node.parts[0], scope);
  }
  Arguments given = arguments(node, scope);
  offset_ = node.offset;
  return filter(node.text, value, given);
}

Value Evaluator::filter(std::string_view name, const Value& input, Arguments& arguments) {
  heap_.step();
  for (const auto find : {find_text_filter, find_sequence_filter, find_select_filter}) {
    if (const FilterFunction function = find(name)) {
      return function(*this, input, arguments);
    }
  }
  fail("there is no filter '" + std::string(name) + "'");
}

bool Evaluator::test(std::string_view name, const Value& input, Arguments& arguments) {
  heap_.step();
  const TestFunction function = find_test(name);
  if (function == nullptr) {
    fail("there is no test '" + std::string(name) + "'");
  }
  return function(*this, input, arguments);
}

}  // namespace luthier::text::jinja
