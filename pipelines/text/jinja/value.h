// Values of a template: what Python's are, as far as templates can tell. Small, copied freely; what they point to is
// owned by a Heap (heap.h) and never changes once made, but for namespaces, iterators and loops.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace luthier::text::jinja {

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kList,
  kMap,
  kIterator,
  kNamespace,
  kLoop,
  kCallable,
};

class Heap;
struct List;
struct Map;
struct Iterator;
struct Namespace;
class Loop;
struct Callable;

class Value {
 public:
  Value() = default;  // undefined, of no name
  // `name` was looked up in a value of kind `owner` (kUndefined: it is the name of a variable). Not owned.
  static Value undefined(std::string_view name, Kind owner = Kind::kUndefined) {
    Value value;
    value.owner_ = owner;
    value.set_text(name);
    return value;
  }
  static Value none() { return Value(Kind::kNone); }
  static Value boolean(bool is) {
    Value value(Kind::kBool);
    value.data_.integer = is ? 1 : 0;
    return value;
  }
  static Value integer(std::int64_t number) {
    Value value(Kind::kInt);
    value.data_.integer = number;
    return value;
  }
  static Value real(double number) {
    Value value(Kind::kFloat);
    value.data_.real = number;
    return value;
  }
  // UTF-8, not owned: it must outlive the rendering, as what a Heap owns does.
  static Value text(std::string_view text) {
    Value value(Kind::kText);
    value.set_text(text);
    return value;
  }
  // Text that is HTML already, as filter `safe` says: what is added to it by '+' is escaped, as Python's Markup does.
  static Value markup(std::string_view text) {
    Value value = Value::text(text);
    value.owner_ = Kind::kText;
    return value;
  }
  explicit Value(const List& list) : kind_(Kind::kList) { data_.list = &list; }
  explicit Value(const Map& map) : kind_(Kind::kMap) { data_.map = &map; }
  explicit Value(Iterator& iterator) : kind_(Kind::kIterator) { data_.iterator = &iterator; }
  explicit Value(Namespace& space) : kind_(Kind::kNamespace) { data_.space = &space; }
  explicit Value(Loop& loop) : kind_(Kind::kLoop) { data_.loop = &loop; }
  explicit Value(const Callable& callable) : kind_(Kind::kCallable) { data_.callable = &callable; }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
  [[nodiscard]] bool is_undefined() const { return kind_ == Kind::kUndefined; }
  [[nodiscard]] bool is_none() const { return kind_ == Kind::kNone; }
  [[nodiscard]] bool is_text() const { return kind_ == Kind::kText; }
  [[nodiscard]] bool is_markup() const { return kind_ == Kind::kText && owner_ == Kind::kText; }
  [[nodiscard]] bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  [[nodiscard]] bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }

  // Each of these only for the kinds that it names.
  [[nodiscard]] bool as_bool() const { return data_.integer != 0; }        // kBool
  [[nodiscard]] std::int64_t as_integer() const { return data_.integer; }  // kInt, kBool
  [[nodiscard]] double as_real() const {                                   // any number
    return kind_ == Kind::kFloat ? data_.real : static_cast<double>(data_.integer);
  }
  [[nodiscard]] std::string_view as_text() const { return {data_.text, size_}; }  // kText; of kUndefined: its name
  [[nodiscard]] Kind owner() const { return owner_; }                             // kUndefined
  [[nodiscard]] const List& as_list() const { return *data_.list; }
  [[nodiscard]] const Map& as_map() const { return *data_.map; }
  [[nodiscard]] Iterator& as_iterator() const { return *data_.iterator; }
  [[nodiscard]] Namespace& as_namespace() const { return *data_.space; }
  [[nodiscard]] Loop& as_loop() const { return *data_.loop; }
  [[nodiscard]] const Callable& as_callable() const { return *data_.callable; }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  void set_text(std::string_view text) {
    data_.text = text.data();
    size_ = text.size();
  }

  Kind kind_ = Kind::kUndefined;
  Kind owner_ = Kind::kUndefined;
  std::size_t size_ = 0;
  union {
    std::int64_t integer;
    double real;
    const char* text;
    const List* list;
    const Map* map;
    Iterator* iterator;
    Namespace* space;
    Loop* loop;
    const Callable* callable;
  } data_ = {0};
};

// What Python tells apart among sequences of values.
enum class ListKind : std::uint8_t { kList, kTuple, kRange, kKeys, kValues, kItems };

struct List {
  std::vector<Value> items;
  ListKind kind = ListKind::kList;
  // Views of a mapping have a length but no index, unlike the others.
  [[nodiscard]] bool is_view() const { return kind >= ListKind::kKeys; }
};

// Keys in order of insertion.
struct Map {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string_view, std::size_t> index;  // of text keys, once there are many entries

  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find(std::string_view key) const { return find(Value::text(key)); }
  void set(const Value& key, const Value& value);

 private:
  [[nodiscard]] std::size_t position(const Value& key) const;  // entries.size() when absent
};

// What a generator is: read once, always true, of no length.
struct Iterator {
  const List* source = nullptr;
  std::size_t next = 0;
};

struct Namespace {
  Map attributes;
};

// "str", "int", "dict" ...: as Python names it.
[[nodiscard]] std::string_view type_name(const Value& value);
// What `if` asks.
[[nodiscard]] bool is_true(const Value& value);
// Whether a mapping may have this key: text, numbers and None.
[[nodiscard]] bool is_key(const Value& value);
// A message for what is undefined: "'x' is undefined", "'dict' has no attribute 'x'".
[[nodiscard]] std::string undefined_message(const Value& value);

// The functions below walk into values and so count steps of `heap`; they throw Fault when these are used up.
// Python's ==.
[[nodiscard]] bool equals(Heap& heap, const Value& left, const Value& right, int depth = 0);
// Less, equal or greater: negative, 0, positive. Throws Fault for values that have no order; `sign` names the operator.
[[nodiscard]] int compare(Heap& heap, const Value& left, const Value& right, std::string_view sign, int depth = 0);
// Python's `in`, which reads an iterator.
[[nodiscard]] bool contains(Heap& heap, const Value& container, const Value& item);

// Python's str() and repr(). Throw Fault for methods and loops, and for what is nested too deep.
void append_text(Heap& heap, std::string& out, const Value& value);
[[nodiscard]] std::string to_text(Heap& heap, const Value& value);
void append_repr(Heap& heap, std::string& out, const Value& value, int depth = 0);
[[nodiscard]] std::string real_text(double number);

}  // namespace luthier::text::jinja
