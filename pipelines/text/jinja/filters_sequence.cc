// Filters over what can be read item by item.
#include <algorithm>
#include <array>

#include "pipelines/text/jinja/attribute_path.h"
#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

// Sorting ignores case unless told.
Value sort_key(Evaluator& evaluator, const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? evaluator.heap().text(to_lower(value.as_text())) : value;
}

struct Keyed {
  std::vector<Value> keys;
  Value item;
};

int compare_keys(Heap& heap, const Keyed& left, const Keyed& right) {
  for (std::size_t i = 0; i < left.keys.size() && i < right.keys.size(); ++i) {
    if (!equals(heap, left.keys[i], right.keys[i])) {
      return compare(heap, left.keys[i], right.keys[i], "<");
    }
  }
  return 0;
}

void sort_keyed(Heap& heap, std::vector<Keyed>& items, bool reverse) {
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& left, const Keyed& right) {
    const int order = compare_keys(heap, left, right);
    return reverse ? order > 0 : order < 0;
  });
}

std::vector<Value> items_behind(const std::vector<Keyed>& keyed) {
  std::vector<Value> items;
  items.reserve(keyed.size());
  for (const Keyed& entry : keyed) {
    items.push_back(entry.item);
  }
  return items;
}

Value first(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "first");
  if (input.is(Kind::kIterator)) {
    Iterator& iterator = input.as_iterator();
    return iterator.next < iterator.source->items.size() ? iterator.source->items[iterator.next++]
                                                         : Value::undefined("first of nothing");
  }
  const List& items = evaluator.items_of(input);
  return items.items.empty() ? Value::undefined("first of nothing") : items.items.front();
}

Value last(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "last");
  if (input.is(Kind::kIterator)) {
    fail("'last' cannot read an iterator backwards; put '| list' before it");
  }
  const List& items = evaluator.items_of(input);
  return items.items.empty() ? Value::undefined("last of nothing") : items.items.back();
}

Value length(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "length");
  return Value::integer(static_cast<std::int64_t>(evaluator.length_of(input)));
}

Value to_list(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "list");
  return evaluator.heap().list_value(evaluator.items_of(input).items);
}

Value join(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const auto given = arguments.find(0, "d");
  const auto attribute = arguments.find(1, "attribute");
  arguments.finish(2, "join");
  const std::string_view separator = given ? evaluator.text_of(*given).as_text() : "";
  TextBuilder text(evaluator.heap());
  bool is_first = true;
  for (const Value& item : evaluator.items_of(input).items) {
    text.add(is_first ? "" : separator);
    text.add(evaluator.text_of(attribute ? AttributePath(*attribute).read(evaluator, item) : item).as_text());
    is_first = false;
  }
  return text.finish();
}

Value reverse(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "reverse");
  if (input.is_text()) {
    TextBuilder text(evaluator.heap());
    const auto characters = characters_of(input.as_text());
    for (auto at = characters.rbegin(); at != characters.rend(); ++at) {
      text.add(*at);
    }
    return text.finish();
  }
  std::vector<Value> items = evaluator.items_of(input).items;
  std::reverse(items.begin(), items.end());
  return input.is(Kind::kIterator) ? evaluator.heap().list_value(std::move(items))
                                   : evaluator.heap().iterator(std::move(items));
}

Value sort(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const bool reverse = arguments.bool_or(0, "reverse", false);
  const bool case_sensitive = arguments.bool_or(1, "case_sensitive", false);
  const auto attribute = arguments.find(2, "attribute");
  arguments.finish(3, "sort");
  std::vector<AttributePath> paths;
  if (attribute && attribute->is_text()) {
    std::string_view rest = attribute->as_text();
    for (std::size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      paths.emplace_back(Value::text(rest.substr(0, comma)));
      rest.remove_prefix(comma + 1);
    }
    paths.emplace_back(Value::text(rest));
  } else {
    paths.emplace_back(attribute.value_or(Value::none()));
  }
  std::vector<Keyed> items;
  for (const Value& item : evaluator.items_of(input).items) {
    Keyed& keyed = items.emplace_back(Keyed{{}, item});
    for (const AttributePath& path : paths) {
      evaluator.heap().charge(sizeof(Value));
      keyed.keys.push_back(sort_key(evaluator, path.read(evaluator, item), case_sensitive));
    }
  }
  sort_keyed(evaluator.heap(), items, reverse);
  return evaluator.heap().list_value(items_behind(items));
}

Value dict_sort(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const bool case_sensitive = arguments.bool_or(0, "case_sensitive", false);
  const auto by = arguments.find(1, "by");
  const bool reverse = arguments.bool_or(2, "reverse", false);
  arguments.finish(3, "dictsort");
  if (!input.is(Kind::kMap)) {
    fail("'dictsort' takes a mapping, not '" + std::string(type_name(input)) + "'");
  }
  const bool by_value = by && by->is_text() && by->as_text() == "value";
  std::vector<Keyed> items;
  for (const auto& [key, value] : input.as_map().entries) {
    items.push_back({{sort_key(evaluator, by_value ? value : key, case_sensitive)}, evaluator.heap().pair(key, value)});
  }
  sort_keyed(evaluator.heap(), items, reverse);
  return evaluator.heap().list_value(items_behind(items));
}

Value unique(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const bool case_sensitive = arguments.bool_or(0, "case_sensitive", false);
  const AttributePath path(arguments.find(1, "attribute").value_or(Value::none()));
  arguments.finish(2, "unique");
  std::vector<Value> seen;
  std::vector<Value> items;
  for (const Value& item : evaluator.items_of(input).items) {
    const Value key = sort_key(evaluator, path.read(evaluator, item), case_sensitive);
    const bool known =
        std::any_of(seen.begin(), seen.end(), [&](const Value& other) { return equals(evaluator.heap(), other, key); });
    if (!known) {
      seen.push_back(key);
      items.push_back(item);
    }
  }
  return evaluator.heap().iterator(std::move(items));
}

template <bool greatest>
Value extreme(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const bool case_sensitive = arguments.bool_or(0, "case_sensitive", false);
  const AttributePath path(arguments.find(1, "attribute").value_or(Value::none()));
  arguments.finish(2, greatest ? "max" : "min");
  const List& items = evaluator.items_of(input);
  if (items.items.empty()) {
    return Value::undefined(greatest ? "max of nothing" : "min of nothing");
  }
  Value best = items.items.front();
  Value best_key = sort_key(evaluator, path.read(evaluator, best), case_sensitive);
  for (const Value& item : items.items) {
    const Value key = sort_key(evaluator, path.read(evaluator, item), case_sensitive);
    const int order = compare(evaluator.heap(), key, best_key, greatest ? ">" : "<");
    if (greatest ? order > 0 : order < 0) {
      best = item;
      best_key = key;
    }
  }
  return best;
}

Value sum(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const AttributePath path(arguments.find(0, "attribute").value_or(Value::none()));
  Value total = arguments.find(1, "start").value_or(Value::integer(0));
  arguments.finish(2, "sum");
  if (total.is_text()) {
    fail("'sum' adds numbers or lists; 'join' joins text");
  }
  for (const Value& item : evaluator.items_of(input).items) {
    total = apply(evaluator, Operator::kAdd, total, path.read(evaluator, item));
  }
  return total;
}

Value items(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "items");
  std::vector<Value> pairs;
  if (!input.is_undefined()) {
    if (!input.is(Kind::kMap)) {
      fail("'items' takes a mapping, not '" + std::string(type_name(input)) + "'");
    }
    for (const auto& [key, value] : input.as_map().entries) {
      pairs.push_back(evaluator.heap().pair(key, value));
    }
  }
  return evaluator.heap().iterator(std::move(pairs));
}

Value batch(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::int64_t count = arguments.integer_or(0, "linecount", 0);
  const auto fill = arguments.find(1, "fill_with");
  arguments.finish(2, "batch");
  if (count < 1) {
    fail("'batch' needs a count of at least 1");
  }
  const auto size = static_cast<std::size_t>(count);
  std::vector<Value> batches;
  std::vector<Value> batch;
  for (const Value& item : evaluator.items_of(input).items) {
    batch.push_back(item);
    if (batch.size() == size) {
      batches.push_back(evaluator.heap().list_value(std::exchange(batch, {})));
    }
  }
  if (!batch.empty()) {
    if (fill && !fill->is_none()) {
      evaluator.heap().need(size > SIZE_MAX / sizeof(Value) ? SIZE_MAX : size * sizeof(Value));
      batch.resize(size, *fill);
    }
    batches.push_back(evaluator.heap().list_value(std::move(batch)));
  }
  return evaluator.heap().iterator(std::move(batches));
}

constexpr std::array<std::pair<std::string_view, FilterFunction>, 15> kFilters = {{
    {"first", first},
    {"last", last},
    {"length", length},
    {"count", length},
    {"list", to_list},
    {"join", join},
    {"reverse", reverse},
    {"sort", sort},
    {"dictsort", dict_sort},
    {"unique", unique},
    {"min", extreme<false>},
    {"max", extreme<true>},
    {"sum", sum},
    {"items", items},
    {"batch", batch},
}};

}  // namespace

FilterFunction find_sequence_filter(std::string_view name) {
  for (const auto& [known, function] : kFilters) {
    if (known == name) {
      return function;
    }
  }
  return nullptr;
}

}  // namespace luthier::text::jinja
