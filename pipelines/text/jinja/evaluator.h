// Evaluator: one rendering of a template. Internal to this folder; jinja.h is its door.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/heap.h"
#include "pipelines/text/jinja/jinja.h"
#include "pipelines/text/jinja/syntax.h"
#include "pipelines/text/jinja/value.h"

namespace luthier::text::jinja {

class Evaluator;

// Names and what they stand for; what is not here is looked for in the parent.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> names;
  [[nodiscard]] Value* find(std::string_view name);
  void set(std::string_view name, const Value& value);
};

// The arguments of a call, taken one after the other by what is called.
class Arguments {
 public:
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;

  // Argument `index`, which may also be given as `name`; nothing when absent. Each at most once.
  [[nodiscard]] std::optional<Value> find(std::size_t index, std::string_view name);
  // The same, or a Fault that names `what`.
  [[nodiscard]] Value require(std::size_t index, std::string_view name, std::string_view what);
  [[nodiscard]] std::int64_t integer_or(std::size_t index, std::string_view name, std::int64_t fallback);
  [[nodiscard]] bool bool_or(std::size_t index, std::string_view name, bool fallback);
  // Faults when there are more than `count` positional ones, or named ones that nobody took.
  void finish(std::size_t count, std::string_view what) const;
};

using Native = Value (*)(Evaluator& evaluator, const Value& self, Arguments& arguments);

struct Callable {
  std::string_view name;
  Native native = nullptr;  // a function or a method of `self`
  Value self;
  const Macro* macro = nullptr;  // or a macro, called in a child of `scope`
  Scope* scope = nullptr;
};

// What `loop` is inside a `for`. Reads ahead only as far as it is asked to, since the test of a `for ... if` may depend
// on what the body did.
class Loop {
 public:
  Loop(Evaluator& evaluator, const Statement& statement, const List& source, Scope& outer, int depth0)
      : evaluator_(evaluator), statement_(statement), source_(source), outer_(outer), depth0_(depth0) {}
  // Moves to the next item; false at the end.
  [[nodiscard]] bool advance();
  [[nodiscard]] const Value& current() const { return current_; }
  // `loop.index` and so on; nothing for an unknown name.
  [[nodiscard]] std::optional<Value> attribute(std::string_view name);
  [[nodiscard]] std::size_t length();
  // `loop(items)` of a recursive loop: the text of its body over `items`.
  [[nodiscard]] Value recurse(const Value& items);
  [[nodiscard]] bool changed(const std::vector<Value>& values);
  [[nodiscard]] std::size_t index0() const { return index_ - 1; }

 private:
  [[nodiscard]] bool peek();  // fills ahead_

  Evaluator& evaluator_;
  const Statement& statement_;
  const List& source_;
  Scope& outer_;
  int depth0_;
  std::size_t next_ = 0;      // in source_
  std::vector<Value> ahead_;  // read but not yet current, in order
  std::size_t ahead_next_ = 0;
  std::size_t index_ = 0;  // of the current item, from 1
  Value current_;
  Value previous_;
  std::optional<std::vector<Value>> last_changed_;
};

class Evaluator {
 public:
  Evaluator(const Limits& limits, const std::tm& date);

  // Makes `name` known to the whole template. `value` must outlive this object.
  void define(std::string_view name, const nlohmann::ordered_json& value);
  void run(const Statements& statements) { (void)execute(statements, *scope_); }
  [[nodiscard]] Rendered take_result();
  [[nodiscard]] std::size_t steps_taken() const { return heap_.steps_taken(); }
  // Where evaluation stands, for errors.
  [[nodiscard]] std::uint32_t offset() const { return offset_; }

  // For filters, tests, methods and functions.
  [[nodiscard]] Heap& heap() { return heap_; }
  [[nodiscard]] const std::tm& date() const { return date_; }
  [[nodiscard]] Value evaluate(const Expression& node, Scope& scope);
  [[nodiscard]] Value call(const Value& callee, Arguments& arguments);
  [[nodiscard]] Value attribute(const Value& object, std::string_view name);  // object.name
  [[nodiscard]] Value item(const Value& object, const Value& key);            // object[key]
  [[nodiscard]] Value filter(std::string_view name, const Value& input, Arguments& arguments);
  // For a filter that calls filters.
  [[nodiscard]] Value filter_nested(std::string_view name, const Value& input, Arguments& arguments);
  [[nodiscard]] bool test(std::string_view name, const Value& input, Arguments& arguments);
  // What `for` reads, all of it. An iterator is used up.
  [[nodiscard]] const List& items_of(const Value& value);
  [[nodiscard]] std::size_t length_of(const Value& value);
  [[nodiscard]] Value text_of(const Value& value);  // str()
  // The text of a `for` over `items`, as loop(items) asks.
  [[nodiscard]] Value loop_text(const Statement& statement, const List& items, Scope& outer, int depth0);
  void assign(const Target& target, const Value& value, Scope& scope);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Nesting;  // counts how deep evaluation is nested
  class Capture;  // redirects output

  Flow execute(const Statements& statements, Scope& scope);
  Flow execute(const Statement& statement, Scope& scope);
  Flow execute_if(const Statement& statement, Scope& scope);
  void execute_for(const Statement& statement, const List& items, Scope& scope, int depth0);
  void execute_set_block(const Statement& statement, Scope& scope);
  void execute_call_block(const Statement& statement, Scope& scope);
  void execute_filter_block(const Statement& statement, Scope& scope);
  Flow execute_with(const Statement& statement, Scope& scope);
  void execute_generation(const Statement& statement, Scope& scope);
  [[nodiscard]] std::optional<std::size_t> message_of(Scope& scope);

  [[nodiscard]] Value evaluate_operator(const Expression& node, Scope& scope);
  [[nodiscard]] Value name(const Expression& node, Scope& scope);
  [[nodiscard]] Value dictionary(const Expression& node, Scope& scope);
  [[nodiscard]] Value slice(const Expression& node, Scope& scope);
  [[nodiscard]] Value binary(const Expression& node, Scope& scope);
  [[nodiscard]] Value comparison(const Expression& node, Scope& scope);
  [[nodiscard]] Value concatenation(const Expression& node, Scope& scope);
  [[nodiscard]] Value negation(const Expression& node, Scope& scope);
  [[nodiscard]] Value call(const Expression& node, Scope& scope, const Value* caller = nullptr);
  [[nodiscard]] Value filter(const Expression& node, const Value& input, Scope& scope);
  [[nodiscard]] Arguments arguments(const Expression& node, Scope& scope);
  [[nodiscard]] std::vector<Value> evaluate_all(const std::vector<ExpressionPointer>& nodes, Scope& scope);
  [[nodiscard]] Value call_macro(const Callable& callable, Arguments& arguments);
  [[nodiscard]] Value convert(const nlohmann::ordered_json& value, int depth);

  void write(std::string_view text);

  Limits limits_;
  std::tm date_;
  Heap heap_;
  Scope* scope_;  // of the template itself
  std::string output_;
  std::string* out_ = &output_;                           // or what a macro or block captures
  std::unordered_map<const Map*, std::size_t> messages_;  // the items of variable `messages`
  std::vector<Generation> generations_;
  bool generation_captured_ = false;
  std::uint32_t offset_ = 0;
  std::size_t depth_ = 0;
};

// Python's operators; in operators.cc.
[[nodiscard]] Value apply(Evaluator& evaluator, Operator sign, const Value& left, const Value& right);
[[nodiscard]] Value slice_of(Evaluator& evaluator, const Value& object, const std::optional<std::int64_t>& begin,
                             const std::optional<std::int64_t>& end, const std::optional<std::int64_t>& step);

// Tables of what templates can name; nullptr for an unknown name.
using FilterFunction = Value (*)(Evaluator& evaluator, const Value& input, Arguments& arguments);
using TestFunction = bool (*)(Evaluator& evaluator, const Value& input, Arguments& arguments);
[[nodiscard]] FilterFunction find_text_filter(std::string_view name);
[[nodiscard]] FilterFunction find_sequence_filter(std::string_view name);
[[nodiscard]] FilterFunction find_select_filter(std::string_view name);
[[nodiscard]] TestFunction find_test(std::string_view name);
[[nodiscard]] Native find_text_method(std::string_view name);
[[nodiscard]] Native find_text_predicate(std::string_view name);
[[nodiscard]] Native find_map_method(std::string_view name);
[[nodiscard]] Native find_list_method(std::string_view name);
[[nodiscard]] Native find_function(std::string_view name);

// "%s" % value, "{}".format(), strftime; in format.cc and date.cc.
[[nodiscard]] Value format_percent(Evaluator& evaluator, std::string_view format, const Value& values);
[[nodiscard]] Value format_braces(Evaluator& evaluator, std::string_view format, Arguments& arguments);
[[nodiscard]] std::string format_date(std::string_view format, const std::tm& date);

}  // namespace luthier::text::jinja
