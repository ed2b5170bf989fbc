#include "pipelines/text/jinja/value.h"

#include <algorithm>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/fault.h"

namespace luthier::text::jinja {
namespace {

constexpr std::size_t kIndexedFrom = 12;  // entries; below, reading all of them is faster
constexpr int kDepthMax = 200;

// Of the kinds that a key may have; what Python calls equal.
bool keys_equal(const Value& left, const Value& right) {
  if (left.is_text() || right.is_text()) {
    return left.is_text() && right.is_text() && left.as_text() == right.as_text();
  }
  if (left.is_number() && right.is_number()) {
    return left.is_integral() && right.is_integral() ? left.as_integer() == right.as_integer()
                                                     : left.as_real() == right.as_real();
  }
  return left.kind() == right.kind();
}

void check_depth(int depth) {
  if (depth > kDepthMax) {
    fail_bound("a value is nested more than " + std::to_string(kDepthMax) + " deep");
  }
}

template <class T>
int order(const T& left, const T& right) {
  return left < right ? -1 : (right < left ? 1 : 0);
}

bool lists_equal(Heap& heap, const List& left, const List& right, int depth) {
  if (left.kind != right.kind || left.items.size() != right.items.size()) {
    return false;
  }
  for (std::size_t i = 0; i < left.items.size(); ++i) {
    if (!equals(heap, left.items[i], right.items[i], depth + 1)) {
      return false;
    }
  }
  return true;
}

bool maps_equal(Heap& heap, const Map& left, const Map& right, int depth) {
  return left.entries.size() == right.entries.size() &&
         std::all_of(left.entries.begin(), left.entries.end(), [&](const auto& entry) {
           const Value* other = right.find(entry.first);
           return other != nullptr && equals(heap, entry.second, *other, depth + 1);
         });
}

}  // namespace

std::size_t Map::position(const Value& key) const {
  if (key.is_text() && !index.empty()) {
    const auto found = index.find(key.as_text());
    return found == index.end() ? entries.size() : found->second;
  }
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return keys_equal(entry.first, key); });
  return static_cast<std::size_t>(found - entries.begin());
}

const Value* Map::find(const Value& key) const {
  const std::size_t at = position(key);
  return at == entries.size() ? nullptr : &entries[at].second;
}

void Map::set(const Value& key, const Value& value) {
  const std::size_t at = position(key);
  if (at < entries.size()) {
    entries[at].second = value;
    return;
  }
  entries.emplace_back(key, value);
  if (entries.size() == kIndexedFrom) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].first.is_text()) {
        index.emplace(entries[i].first.as_text(), i);
      }
    }
  } else if (entries.size() > kIndexedFrom && key.is_text()) {
    index.emplace(key.as_text(), entries.size() - 1);
  }
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kText: return "str";
    case Kind::kList: return value.as_list().kind == ListKind::kTuple ? "tuple" : "list";
    case Kind::kMap: return "dict";
    case Kind::kIterator: return "iterator";
    case Kind::kNamespace: return "namespace";
    case Kind::kLoop: return "loop";
    case Kind::kCallable: return "function";
  }
  return "";
}

bool is_key(const Value& value) { return value.is_text() || value.is_number() || value.is_none(); }

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.as_integer() != 0;
    case Kind::kFloat: return value.as_real() != 0;
    case Kind::kText: return !value.as_text().empty();
    case Kind::kList: return !value.as_list().items.empty();
    case Kind::kMap: return !value.as_map().entries.empty();
    case Kind::kIterator:
    case Kind::kNamespace:
    case Kind::kLoop:
    case Kind::kCallable: return true;
  }
  return false;
}

std::string undefined_message(const Value& value) {
  const std::string name = "'" + std::string(value.as_text()) + "'";
  switch (value.owner()) {
    case Kind::kUndefined: return name + " is undefined";
    case Kind::kMap: return "a mapping has no key " + name;
    case Kind::kList: return "a list has no item " + name;
    default: return "there is no attribute " + name;
  }
}

bool equals(Heap& heap, const Value& left, const Value& right, int depth) {
  heap.step();
  check_depth(depth);
  if (left.is_number() && right.is_number()) {
    return keys_equal(left, right);
  }
  if (left.kind() != right.kind()) {
    return false;
  }
  switch (left.kind()) {
    case Kind::kText:
      heap.scan(std::min(left.as_text().size(), right.as_text().size()));
      return keys_equal(left, right);
    case Kind::kList: return lists_equal(heap, left.as_list(), right.as_list(), depth);
    case Kind::kMap: return maps_equal(heap, left.as_map(), right.as_map(), depth);
    case Kind::kIterator: return &left.as_iterator() == &right.as_iterator();
    case Kind::kNamespace: return &left.as_namespace() == &right.as_namespace();
    case Kind::kLoop: return &left.as_loop() == &right.as_loop();
    case Kind::kCallable:
      return left.as_callable().native == right.as_callable().native &&
             left.as_callable().macro == right.as_callable().macro &&
             left.as_callable().scope == right.as_callable().scope &&
             equals(heap, left.as_callable().self, right.as_callable().self, depth + 1);
    default: return true;  // undefined, none
  }
}

int compare(Heap& heap, const Value& left, const Value& right, std::string_view sign, int depth) {
  heap.step();
  check_depth(depth);
  if (left.is_integral() && right.is_integral()) {
    return order(left.as_integer(), right.as_integer());
  }
  if (left.is_number() && right.is_number()) {
    return order(left.as_real(), right.as_real());
  }
  if (left.is_text() && right.is_text()) {
    heap.scan(std::min(left.as_text().size(), right.as_text().size()));
    return order(left.as_text(), right.as_text());
  }
  if (left.is(Kind::kList) && right.is(Kind::kList) && left.as_list().kind == right.as_list().kind &&
      left.as_list().kind <= ListKind::kTuple) {
    const auto& a = left.as_list().items;
    const auto& b = right.as_list().items;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (!equals(heap, a[i], b[i], depth + 1)) {
        return compare(heap, a[i], b[i], sign, depth + 1);
      }
    }
    return order(a.size(), b.size());
  }
  for (const Value* value : {&left, &right}) {
    if (value->is_undefined()) {
      fail(undefined_message(*value));
    }
  }
  fail("'" + std::string(sign) + "' not supported between '" + std::string(type_name(left)) + "' and '" +
       std::string(type_name(right)) + "'");
}

bool contains(Heap& heap, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kUndefined: return false;
    case Kind::kText:
      if (!item.is_text()) {
        fail("'in <str>' requires text on the left, not " + std::string(type_name(item)));
      }
      heap.scan(container.as_text().size());
      return container.as_text().find(item.as_text()) != std::string_view::npos;
    case Kind::kMap: heap.step(); return is_key(item) && container.as_map().find(item) != nullptr;
    case Kind::kList:
      return std::any_of(container.as_list().items.begin(), container.as_list().items.end(),
                         [&](const Value& other) { return equals(heap, other, item); });
    case Kind::kIterator: {
      Iterator& iterator = container.as_iterator();
      while (iterator.next < iterator.source->items.size()) {
        if (equals(heap, iterator.source->items[iterator.next++], item)) {
          return true;
        }
      }
      return false;
    }
    default: fail("'" + std::string(type_name(container)) + "' holds no items for 'in' to look through");
  }
}

}  // namespace luthier::text::jinja
