// Statements.
#include <algorithm>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/nesting.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::jinja {

using Json = nlohmann::ordered_json;

Evaluator::Evaluator(const Limits& limits, const std::tm& date)
    : limits_(limits), date_(date), heap_(limits.memory_bytes_max, limits.steps_max), scope_(&heap_.scope(nullptr)) {}

void Evaluator::define(std::string_view name, const Json& value) {
  const Value converted = convert(value, 0);
  scope_->set(name, converted);
  if (name == "messages" && converted.is(Kind::kList)) {
    const auto& items = converted.as_list().items;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].is(Kind::kMap)) {
        messages_.emplace(&items[i].as_map(), i);
      }
    }
  }
}

Value Evaluator::convert(const Json& value, int depth) {
  constexpr int kDepthMax = 100;
  if (depth > kDepthMax) {
    fail_bound("the data is nested more than " + std::to_string(kDepthMax) + " deep");
  }
  switch (value.type()) {
    case Json::value_t::null: return Value::none();
    case Json::value_t::boolean: return Value::boolean(value.get<bool>());
    case Json::value_t::number_integer: return Value::integer(value.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = value.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(INT64_MAX)) {
        fail("number " + std::to_string(number) + " is out of range (64 bits)");
      }
      return Value::integer(static_cast<std::int64_t>(number));
    }
    case Json::value_t::number_float: return Value::real(value.get<double>());
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      heap_.scan(text.size());
      if (find_invalid_utf8(text)) {
        fail("the data holds text that is not UTF-8");
      }
      return Value::text(text);
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(value.size());
      for (const Json& item : value) {
        items.push_back(convert(item, depth + 1));
      }
      return heap_.list_value(std::move(items));
    }
    case Json::value_t::object: {
      Map map;
      map.entries.reserve(value.size());
      for (const auto& [key, item] : value.items()) {
        if (find_invalid_utf8(key)) {
          fail("the data holds a key that is not UTF-8");
        }
        map.set(Value::text(key), convert(item, depth + 1));
      }
      return Value(heap_.map(std::move(map)));
    }
    default: fail("the data holds bytes, which are not JSON");
  }
}

Rendered Evaluator::take_result() {
  return Rendered{std::move(output_), std::move(generations_), generation_captured_};
}

void Evaluator::write(std::string_view text) {
  if (text.size() > limits_.output_bytes_max - std::min(out_->size(), limits_.output_bytes_max)) {
    fail_bound("the template writes more than " + std::to_string(limits_.output_bytes_max) + " bytes");
  }
  heap_.scan(text.size());
  *out_ += text;
}

Evaluator::Flow Evaluator::execute(const Statements& statements, Scope& scope) {
  for (const auto& statement : statements) {
    const Flow flow = execute(*statement, scope);
    if (flow != Flow::kNext) {
      return flow;
    }
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute(const Statement& statement, Scope& scope) {
  const Nesting nesting(*this);
  heap_.step();
  offset_ = statement.offset;
  switch (statement.kind) {
    case Statement::Kind::kData: write(statement.text); break;
    case Statement::Kind::kPrint: {
      const Value value = evaluate(*statement.expression, scope);
      offset_ = statement.expression->offset;
      if (value.is_text()) {
        write(value.as_text());
      } else {
        write(to_text(heap_, value));
      }
      break;
    }
    case Statement::Kind::kIf: return execute_if(statement, scope);
    case Statement::Kind::kFor: {
      const Value source = evaluate(*statement.expression, scope);
      offset_ = statement.expression->offset;
      execute_for(statement, items_of(source), scope, 0);
      break;
    }
    case Statement::Kind::kSet: assign(statement.target, evaluate(*statement.expression, scope), scope); break;
    case Statement::Kind::kSetBlock: execute_set_block(statement, scope); break;
    case Statement::Kind::kMacro:
      scope.set(statement.macro->name,
                heap_.callable({.name = statement.macro->name, .macro = statement.macro.get(), .scope = &scope}));
      break;
    case Statement::Kind::kCallBlock: execute_call_block(statement, scope); break;
    case Statement::Kind::kFilterBlock: execute_filter_block(statement, scope); break;
    case Statement::Kind::kWith: return execute_with(statement, scope);
    case Statement::Kind::kGeneration: execute_generation(statement, scope); break;
    case Statement::Kind::kScope: return execute(statement.body, scope);
    case Statement::Kind::kBreak: return Flow::kBreak;
    case Statement::Kind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_if(const Statement& statement, Scope& scope) {
  for (const auto& [test, branch] : statement.branches) {
    if (is_true(evaluate(*test, scope))) {
      return execute(branch, scope);
    }
  }
  return execute(statement.body, scope);
}

void Evaluator::execute_for(const Statement& statement, const List& items, Scope& scope, int depth0) {
  Loop& loop = heap_.keep(std::make_unique<Loop>(*this, statement, items, scope, depth0));
  bool any = false;
  while (loop.advance()) {
    any = true;
    Scope& inner = heap_.scope(&scope);
    inner.set("loop", Value(loop));
    assign(statement.target, loop.current(), inner);
    if (execute(statement.body, inner) == Flow::kBreak) {
      break;
    }
  }
  if (!any && !statement.otherwise.empty()) {
    (void)execute(statement.otherwise, heap_.scope(&scope));
  }
}

Value Evaluator::loop_text(const Statement& statement, const List& items, Scope& outer, int depth0) {
  const Nesting nesting(*this);
  Capture capture(*this);
  execute_for(statement, items, outer, depth0);
  return capture.take();
}

void Evaluator::execute_set_block(const Statement& statement, Scope& scope) {
  Value text;
  {
    Capture capture(*this);
    (void)execute(statement.body, heap_.scope(&scope));
    text = capture.take();
  }
  if (statement.expression != nullptr) {
    text = filter(*statement.expression, text, scope);
  }
  assign(statement.target, text, scope);
}

void Evaluator::execute_filter_block(const Statement& statement, Scope& scope) {
  Scope& inner = heap_.scope(&scope);
  Value text;
  {
    Capture capture(*this);
    (void)execute(statement.body, inner);
    text = capture.take();
  }
  write(to_text(heap_, filter(*statement.expression, text, inner)));
}

void Evaluator::execute_call_block(const Statement& statement, Scope& scope) {
  const Value caller = heap_.callable({.name = "caller", .macro = statement.macro.get(), .scope = &scope});
  write(to_text(heap_, call(*statement.expression, scope, &caller)));
}

Evaluator::Flow Evaluator::execute_with(const Statement& statement, Scope& scope) {
  Scope& inner = heap_.scope(&scope);
  for (const auto& [target, expression] : statement.assignments) {
    assign(target, evaluate(*expression, scope), inner);
  }
  return execute(statement.body, inner);
}

// A scope of its own, as transformers runs it as the body of a call.
void Evaluator::execute_generation(const Statement& statement, Scope& scope) {
  const bool captured = out_ != &output_;
  generation_captured_ = generation_captured_ || captured;
  const std::size_t begin = output_.size();
  (void)execute(statement.body, heap_.scope(&scope));
  if (!captured) {
    heap_.charge(sizeof(Generation));
    generations_.push_back({begin, output_.size(), message_of(scope)});
  }
}

// The message that the innermost loop over messages stands at.
std::optional<std::size_t> Evaluator::message_of(Scope& scope) {
  for (const Scope* at = &scope; at != nullptr; at = at->parent) {
    for (const auto& [name, value] : at->names) {
      if (value.is(Kind::kLoop) && name == "loop" && value.as_loop().current().is(Kind::kMap)) {
        const auto found = messages_.find(&value.as_loop().current().as_map());
        if (found != messages_.end()) {
          return found->second;
        }
      }
    }
  }
  return std::nullopt;
}

void Evaluator::assign(const Target& target, const Value& value, Scope& scope) {
  offset_ = target.offset;
  if (target.kind == Target::Kind::kName) {
    heap_.charge(sizeof(Value));
    scope.set(target.name, value);
    return;
  }
  if (target.kind == Target::Kind::kAttribute) {
    Value* owner = scope.find(target.name);
    if (owner == nullptr || !owner->is(Kind::kNamespace)) {
      fail("'" + target.name + "' is no namespace, so its attribute '" + target.attribute + "' cannot be set");
    }
    heap_.charge(2 * sizeof(Value));
    owner->as_namespace().attributes.set(Value::text(target.attribute), value);
    return;
  }
  const List& items = items_of(value);
  if (items.items.size() != target.parts.size()) {
    fail(std::to_string(target.parts.size()) + " names for " + std::to_string(items.items.size()) + " values");
  }
  for (std::size_t i = 0; i < target.parts.size(); ++i) {
    assign(target.parts[i], items.items[i], scope);
  }
}

}  // namespace luthier::text::jinja
