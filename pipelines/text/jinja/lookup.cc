// Attributes, items, calls, and what can be read one by one.
#include <algorithm>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/nesting.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

// The method `name` of `object`; undefined when it has none. Those that would change a list or mapping do not exist
// here: Jinja's immutable sandbox refuses them.
Value method_of(Heap& heap, const Value& object, std::string_view name) {
  Native native = nullptr;
  if (object.is_text()) {
    native = find_text_method(name);
    native = native != nullptr ? native : find_text_predicate(name);
  } else if (object.is(Kind::kMap)) {
    native = find_map_method(name);
  } else if (object.is(Kind::kList) && !object.as_list().is_view()) {
    native = find_list_method(name);
  }
  return native != nullptr ? heap.callable({.name = name, .native = native, .self = object}) : Value();
}

bool changes_mapping(std::string_view name) {
  constexpr std::string_view kNames[] = {"clear", "pop", "popitem", "setdefault", "update"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// Item `index` counted from the end when negative; nothing outside.
std::optional<std::size_t> position(std::int64_t index, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  const std::int64_t at = index < 0 ? index + count : index;
  return at >= 0 && at < count ? std::optional(static_cast<std::size_t>(at)) : std::nullopt;
}

Value character_at(Heap& heap, std::string_view text, std::int64_t index) {
  heap.scan(text.size());
  const auto at = position(index, count_characters(text));
  if (!at) {
    return Value::undefined("a character behind the text's end", Kind::kText);
  }
  const std::size_t begin = offset_of_character(text, *at);
  std::size_t end = begin;
  (void)next_character(text, end);
  return Value::text(text.substr(begin, end - begin));
}

}  // namespace

Value Evaluator::attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) {
    fail(undefined_message(object));
  }
  if (object.is(Kind::kNamespace)) {
    const Value* found = object.as_namespace().attributes.find(name);
    return found != nullptr ? *found : Value::undefined(name, Kind::kNamespace);
  }
  if (object.is(Kind::kLoop)) {
    const auto found = object.as_loop().attribute(name);
    return found ? *found : Value::undefined(name, Kind::kLoop);
  }
  const Value method = method_of(heap_, object, name);
  if (!method.is_undefined()) {
    return method;
  }
  if (object.is(Kind::kMap) && !changes_mapping(name)) {
    if (const Value* found = object.as_map().find(name)) {
      return *found;
    }
  }
  return Value::undefined(name, object.kind());
}

Value Evaluator::item(const Value& object, const Value& key) {
  if (object.is(Kind::kMap)) {
    const Value* found = is_key(key) ? object.as_map().find(key) : nullptr;
    if (found != nullptr) {
      return *found;
    }
    const Value method = key.is_text() ? method_of(heap_, object, key.as_text()) : Value();
    return method.is_undefined() ? Value::undefined(key.is_text() ? key.as_text() : "of that value", Kind::kMap)
                                 : method;
  }
  if (key.is_integral() && object.is(Kind::kList) && !object.as_list().is_view()) {
    const auto& items = object.as_list().items;
    const auto at = position(key.as_integer(), items.size());
    return at ? items[*at] : Value::undefined("at that index", Kind::kList);
  }
  if (key.is_integral() && object.is_text()) {
    return character_at(heap_, object.as_text(), key.as_integer());
  }
  if (key.is_text() || object.is_undefined()) {
    return attribute(object, key.is_text() ? key.as_text() : "");
  }
  return Value::undefined("of that kind", object.kind());
}

const List& Evaluator::items_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kList: return value.as_list();
    case Kind::kUndefined: return heap_.list({});
    case Kind::kText: {
      heap_.need(value.as_text().size() * sizeof(Value));
      std::vector<Value> items;
      for (const std::string_view character : characters_of(value.as_text())) {
        items.push_back(Value::text(character));
      }
      return heap_.list(std::move(items));
    }
    case Kind::kMap: {
      std::vector<Value> keys;
      for (const auto& entry : value.as_map().entries) {
        keys.push_back(entry.first);
      }
      return heap_.list(std::move(keys));
    }
    case Kind::kIterator: {
      Iterator& iterator = value.as_iterator();
      const auto& items = iterator.source->items;
      std::vector<Value> rest(items.begin() + static_cast<std::ptrdiff_t>(iterator.next), items.end());
      iterator.next = items.size();
      return heap_.list(std::move(rest));
    }
    default: fail("'" + std::string(type_name(value)) + "' holds no items to go through");
  }
}

std::size_t Evaluator::length_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return 0;
    case Kind::kText: heap_.scan(value.as_text().size()); return count_characters(value.as_text());
    case Kind::kList: return value.as_list().items.size();
    case Kind::kMap: return value.as_map().entries.size();
    case Kind::kLoop: return value.as_loop().length();
    case Kind::kIterator: fail("an iterator has no length; put '| list' before it is measured");
    default: fail("'" + std::string(type_name(value)) + "' has no length");
  }
}

Value Evaluator::text_of(const Value& value) { return value.is_text() ? value : heap_.text(to_text(heap_, value)); }

Value Evaluator::call(const Expression& node, Scope& scope, const Value* caller) {
  const Value callee = evaluate(*node.parts[0], scope);
  Arguments given = arguments(node, scope);
  if (caller != nullptr) {
    given.named.emplace_back("caller", *caller);
  }
  offset_ = node.offset;
  return call(callee, given);
}

Value Evaluator::call(const Value& callee, Arguments& arguments) {
  if (callee.is(Kind::kCallable)) {
    const Callable& callable = callee.as_callable();
    return callable.macro != nullptr ? call_macro(callable, arguments)
                                     : callable.native(*this, callable.self, arguments);
  }
  if (callee.is(Kind::kLoop)) {
    const Value items = arguments.require(0, "iterable", "loop");
    arguments.finish(1, "loop");
    return callee.as_loop().recurse(items);
  }
  fail(callee.is_undefined() ? undefined_message(callee) : "'" + std::string(type_name(callee)) + "' cannot be called");
}

Value Evaluator::call_macro(const Callable& callable, Arguments& arguments) {
  const Nesting nesting(*this);
  const Macro& macro = *callable.macro;
  Scope& scope = heap_.scope(callable.scope);
  const std::size_t first_default = macro.parameters.size() - macro.defaults.size();
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string& parameter = macro.parameters[i];
    heap_.charge(sizeof(Value));
    if (const auto given = arguments.find(i, parameter)) {
      scope.set(parameter, *given);
    } else {
      scope.set(parameter,
                i >= first_default ? evaluate(*macro.defaults[i - first_default], scope) : Value::undefined(parameter));
    }
  }
  const bool takes_caller =
      std::find(macro.parameters.begin(), macro.parameters.end(), "caller") == macro.parameters.end();
  if (macro.uses_caller && takes_caller) {
    const auto caller = arguments.find(SIZE_MAX, "caller");
    scope.set("caller", caller ? *caller : Value::undefined("caller"));
  }
  if (macro.uses_kwargs) {
    Map named;
    for (const auto& [name, value] : arguments.named) {
      named.set(Value::text(name), value);
    }
    arguments.named.clear();
    scope.set("kwargs", Value(heap_.map(std::move(named))));
  }
  std::size_t count = macro.parameters.size();
  if (macro.uses_varargs) {
    std::vector<Value> more;
    if (arguments.positional.size() > count) {
      more.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count), arguments.positional.end());
    }
    count = arguments.positional.size();
    scope.set("varargs", heap_.list_value(std::move(more), ListKind::kTuple));
  }
  arguments.finish(count, macro.name);
  Capture capture(*this);
  (void)execute(macro.body, scope);
  return capture.take();
}

}  // namespace luthier::text::jinja
