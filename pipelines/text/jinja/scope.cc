// Scopes, arguments and loops.
#include <algorithm>

#include "pipelines/text/jinja/evaluator.h"

namespace luthier::text::jinja {

Value* Scope::find(std::string_view name) {
  for (Scope* scope = this; scope != nullptr; scope = scope->parent) {
    for (auto& [known, value] : scope->names) {
      if (known == name) {
        return &value;
      }
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, const Value& value) {
  for (auto& [known, present] : names) {
    if (known == name) {
      present = value;
      return;
    }
  }
  names.emplace_back(name, value);
}

std::optional<Value> Arguments::find(std::size_t index, std::string_view name) {
  const auto found = std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first == name; });
  if (found != named.end()) {
    if (index < positional.size()) {
      fail("argument '" + std::string(name) + "' is given twice");
    }
    const Value value = found->second;
    named.erase(found);
    return value;
  }
  return index < positional.size() ? std::optional(positional[index]) : std::nullopt;
}

Value Arguments::require(std::size_t index, std::string_view name, std::string_view what) {
  const auto value = find(index, name);
  if (!value) {
    fail("'" + std::string(what) + "' needs argument '" + std::string(name) + "'");
  }
  return *value;
}

std::int64_t Arguments::integer_or(std::size_t index, std::string_view name, std::int64_t fallback) {
  const auto value = find(index, name);
  if (!value || value->is_none()) {
    return fallback;
  }
  if (!value->is_integral()) {
    fail("argument '" + std::string(name) + "' must be a whole number, not " + std::string(type_name(*value)));
  }
  return value->as_integer();
}

bool Arguments::bool_or(std::size_t index, std::string_view name, bool fallback) {
  const auto value = find(index, name);
  return value ? is_true(*value) : fallback;
}

void Arguments::finish(std::size_t count, std::string_view what) const {
  if (!named.empty()) {
    fail("'" + std::string(what) + "' takes no argument '" + std::string(named.front().first) + "'");
  }
  if (positional.size() > count) {
    fail("'" + std::string(what) + "' takes at most " + std::to_string(count) + " arguments, not " +
         std::to_string(positional.size()));
  }
}

bool Loop::peek() {
  if (ahead_next_ < ahead_.size()) {
    return true;
  }
  while (next_ < source_.items.size()) {
    const Value& item = source_.items[next_++];
    evaluator_.heap().step();
    if (statement_.test != nullptr) {
      Scope& scope = evaluator_.heap().scope(&outer_);
      evaluator_.assign(statement_.target, item, scope);
      if (!is_true(evaluator_.evaluate(*statement_.test, scope))) {
        continue;
      }
    }
    evaluator_.heap().charge(sizeof(Value));
    ahead_.push_back(item);
    return true;
  }
  return false;
}

bool Loop::advance() {
  if (!peek()) {
    return false;
  }
  previous_ = current_;
  current_ = ahead_[ahead_next_++];
  ++index_;
  return true;
}

std::size_t Loop::length() {
  if (statement_.test == nullptr) {
    return source_.items.size();
  }
  const std::size_t at = ahead_next_;
  while (peek()) {
    ahead_next_ = ahead_.size();
  }
  ahead_next_ = at;
  return index_ + ahead_.size() - ahead_next_;
}

bool Loop::changed(const std::vector<Value>& values) {
  Heap& heap = evaluator_.heap();
  const bool same = last_changed_ && last_changed_->size() == values.size() &&
                    std::equal(values.begin(), values.end(), last_changed_->begin(),
                               [&](const Value& left, const Value& right) { return equals(heap, left, right); });
  last_changed_ = values;
  return !same;
}

Value Loop::recurse(const Value& items) {
  if (!statement_.recursive) {
    fail("'loop' is called, but its {% for %} does not say 'recursive'");
  }
  return evaluator_.loop_text(statement_, evaluator_.items_of(items), outer_, depth0_ + 1);
}

namespace {

Value call_cycle(Evaluator& /*evaluator*/, const Value& self, Arguments& arguments) {
  if (arguments.positional.empty()) {
    fail("'loop.cycle' needs arguments");
  }
  return arguments.positional[self.as_loop().index0() % arguments.positional.size()];
}

Value call_changed(Evaluator& /*evaluator*/, const Value& self, Arguments& arguments) {
  return Value::boolean(self.as_loop().changed(arguments.positional));
}

}  // namespace

std::optional<Value> Loop::attribute(std::string_view name) {
  const auto number = [](std::size_t value) { return Value::integer(static_cast<std::int64_t>(value)); };
  if (name == "index") {
    return number(index_);
  }
  if (name == "index0") {
    return number(index_ - 1);
  }
  if (name == "first") {
    return Value::boolean(index_ == 1);
  }
  if (name == "last") {
    return Value::boolean(!peek());
  }
  if (name == "length") {
    return number(length());
  }
  if (name == "revindex") {
    return number(length() - index_ + 1);
  }
  if (name == "revindex0") {
    return number(length() - index_);
  }
  if (name == "previtem") {
    return index_ == 1 ? Value::undefined("loop.previtem") : previous_;
  }
  if (name == "nextitem") {
    return peek() ? ahead_[ahead_next_] : Value::undefined("loop.nextitem");
  }
  if (name == "depth") {
    return Value::integer(depth0_ + 1);
  }
  if (name == "depth0") {
    return Value::integer(depth0_);
  }
  if (name == "cycle" || name == "changed") {
    return evaluator_.heap().callable({.name = name == "cycle" ? "loop.cycle" : "loop.changed",
                                       .native = name == "cycle" ? call_cycle : call_changed,
                                       .self = Value(*this)});
  }
  return std::nullopt;
}

}  // namespace luthier::text::jinja
