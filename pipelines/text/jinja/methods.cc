// Questions to text, methods of mappings and lists, and the functions that every template knows.
#include <algorithm>
#include <array>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

// Whether there are characters and all of them are `wanted`.
template <bool (*wanted)(char32_t)>
Value all_are(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  arguments.finish(0, "this method");
  const std::string_view text = self.as_text();
  evaluator.heap().scan(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    if (!wanted(next_character(text, offset))) {
      return Value::boolean(false);
    }
  }
  return Value::boolean(!text.empty());
}

// Whether there are letters `wanted` and none `unwanted`.
template <bool (*wanted)(char32_t), bool (*unwanted)(char32_t)>
Value cased_are(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  arguments.finish(0, "this method");
  const std::string_view text = self.as_text();
  evaluator.heap().scan(text.size());
  bool any = false;
  for (std::size_t offset = 0; offset < text.size();) {
    const char32_t character = next_character(text, offset);
    if (unwanted(character)) {
      return Value::boolean(false);
    }
    any = any || wanted(character);
  }
  return Value::boolean(any);
}

bool is_letter_or_digit(char32_t character) { return is_letter(character) || is_digit(character); }
bool is_ascii(char32_t character) { return character < 0x80; }

constexpr std::array<std::pair<std::string_view, Native>, 9> kPredicates = {{
    {"isspace", all_are<is_space>},
    {"isalpha", all_are<is_letter>},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isalnum", all_are<is_letter_or_digit>},
    {"isprintable", all_are<is_printable>},
    {"isascii", all_are<is_ascii>},
    {"isupper", cased_are<is_upper, is_lower>},
    {"islower", cased_are<is_lower, is_upper>},
}};

Value get(Evaluator& /*evaluator*/, const Value& self, Arguments& arguments) {
  arguments.finish(2, "get");  // Python takes no names here
  const Value key = arguments.require(0, "key", "get");
  const auto fallback = arguments.find(1, "default");
  const Value* found = is_key(key) ? self.as_map().find(key) : nullptr;
  return found != nullptr ? *found : fallback.value_or(Value::none());
}

template <ListKind kind>
Value view(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  arguments.finish(0, "this method");
  std::vector<Value> items;
  for (const auto& [key, value] : self.as_map().entries) {
    items.push_back(kind == ListKind::kKeys     ? key
                    : kind == ListKind::kValues ? value
                                                : evaluator.heap().pair(key, value));
  }
  return evaluator.heap().list_value(std::move(items), kind);
}

Value same(Evaluator& /*evaluator*/, const Value& self, Arguments& arguments) {
  arguments.finish(0, "copy");
  return self;  // values do not change, so none is needed twice
}

constexpr std::array<std::pair<std::string_view, Native>, 5> kMapMethods = {{
    {"get", get},
    {"items", view<ListKind::kItems>},
    {"keys", view<ListKind::kKeys>},
    {"values", view<ListKind::kValues>},
    {"copy", same},
}};

Value count(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value wanted = arguments.require(0, "value", "count");
  arguments.finish(1, "count");
  const auto& items = self.as_list().items;
  return Value::integer(std::count_if(items.begin(), items.end(),
                                      [&](const Value& item) { return equals(evaluator.heap(), item, wanted); }));
}

Value index(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value wanted = arguments.require(0, "value", "index");
  arguments.finish(1, "index");
  const auto& items = self.as_list().items;
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const Value& item) { return equals(evaluator.heap(), item, wanted); });
  if (found == items.end()) {
    fail("'index' did not find its value");
  }
  return Value::integer(found - items.begin());
}

constexpr std::array<std::pair<std::string_view, Native>, 3> kListMethods = {{
    {"count", count},
    {"index", index},
    {"copy", same},
}};

Value raise_exception(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  const Value message = arguments.require(0, "message", "raise_exception");
  throw Fault{ErrorCode::kFailedPrecondition, to_text(evaluator.heap(), message)};
}

Value strftime_now(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  const Value format = arguments.require(0, "format", "strftime_now");
  arguments.finish(1, "strftime_now");
  if (!format.is_text()) {
    fail("'strftime_now' takes a format as text");
  }
  return evaluator.heap().text(format_date(format.as_text(), evaluator.date()));
}

void add_entries(Evaluator& evaluator, Map& map, const Arguments& arguments, std::string_view what) {
  for (const Value& argument : arguments.positional) {
    if (argument.is(Kind::kMap)) {
      for (const auto& [key, value] : argument.as_map().entries) {
        map.set(key, value);
      }
      continue;
    }
    for (const Value& entry : evaluator.items_of(argument).items) {
      const List& pair = evaluator.items_of(entry);
      if (pair.items.size() != 2 || !is_key(pair.items[0])) {
        fail("'" + std::string(what) + "' takes a mapping or pairs");
      }
      evaluator.heap().charge(2 * sizeof(Value));
      map.set(pair.items[0], pair.items[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    evaluator.heap().charge(2 * sizeof(Value));
    map.set(Value::text(name), value);
  }
}

Value make_namespace(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  Namespace& made = evaluator.heap().name_space();
  add_entries(evaluator, made.attributes, arguments, "namespace");
  return Value(made);
}

Value make_dict(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  Map map;
  add_entries(evaluator, map, arguments, "dict");
  return Value(evaluator.heap().map(std::move(map)));
}

Value range(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  constexpr std::size_t kItemsMax = 100'000;  // as Jinja's sandbox
  arguments.finish(3, "range");
  if (arguments.positional.empty()) {
    fail("'range' needs an end");
  }
  for (const Value& argument : arguments.positional) {
    if (!argument.is_integral()) {
      fail("'range' takes whole numbers, not '" + std::string(type_name(argument)) + "'");
    }
  }
  const bool only_end = arguments.positional.size() == 1;
  std::int64_t at = only_end ? 0 : arguments.positional[0].as_integer();
  const std::int64_t end = arguments.positional[only_end ? 0 : 1].as_integer();
  const std::int64_t step = arguments.positional.size() == 3 ? arguments.positional[2].as_integer() : 1;
  if (step == 0) {
    fail("the step of 'range' cannot be 0");
  }
  std::vector<Value> items;
  for (; step > 0 ? at < end : at > end;) {
    if (items.size() == kItemsMax) {
      fail("'range' gives more than " + std::to_string(kItemsMax) + " numbers");
    }
    items.push_back(Value::integer(at));
    if (__builtin_add_overflow(at, step, &at)) {
      break;
    }
  }
  return evaluator.heap().list_value(std::move(items), ListKind::kRange);
}

// The first call gives nothing, every other the separator.
Value call_joiner(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  arguments.finish(0, "joiner");
  Map& state = self.as_namespace().attributes;
  const bool used = is_true(*state.find("used"));
  state.set(Value::text("used"), Value::boolean(true));
  return used ? evaluator.text_of(*state.find("separator")) : Value::text("");
}

Value make_joiner(Evaluator& evaluator, const Value& /*self*/, Arguments& arguments) {
  const auto separator = arguments.find(0, "sep");
  arguments.finish(1, "joiner");
  Namespace& state = evaluator.heap().name_space();
  state.attributes.set(Value::text("used"), Value::boolean(false));
  state.attributes.set(Value::text("separator"), separator.value_or(Value::text(", ")));
  return evaluator.heap().callable({.name = "joiner", .native = call_joiner, .self = Value(state)});
}

constexpr std::array<std::pair<std::string_view, Native>, 6> kFunctions = {{
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
    {"namespace", make_namespace},
    {"range", range},
    {"dict", make_dict},
    {"joiner", make_joiner},
}};

template <std::size_t count>
Native find_in(const std::array<std::pair<std::string_view, Native>, count>& table, std::string_view name) {
  const auto* found = std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.first == name; });
  return found == table.end() ? nullptr : found->second;
}

}  // namespace

Native find_text_predicate(std::string_view name) { return find_in(kPredicates, name); }
Native find_map_method(std::string_view name) { return find_in(kMapMethods, name); }
Native find_list_method(std::string_view name) { return find_in(kListMethods, name); }
Native find_function(std::string_view name) { return find_in(kFunctions, name); }

}  // namespace luthier::text::jinja
