// Heap: owns everything that one rendering makes, until it ends, and counts what the rendering may still use. Nothing
// is freed before the end, so that values can be plain pointers. Throws Fault (kResourceExhausted) when a bound is met.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelines/text/jinja/value.h"

namespace luthier::text::jinja {

struct Scope;

class Heap {
 public:
  Heap(std::size_t bytes_max, std::size_t steps_max);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // Counts work.
  void step(std::size_t count = 1);
  [[nodiscard]] std::size_t steps_taken() const { return steps_max_ - steps_left_; }
  // Counts the reading of `bytes` of text.
  void scan(std::size_t bytes) { step(1 + bytes / 32); }
  // Counts memory for good.
  void charge(std::size_t bytes);
  // Fails when `bytes` could not be charged; counts nothing.
  void need(std::size_t bytes) const;

  [[nodiscard]] Value text(std::string text);
  [[nodiscard]] const List& list(std::vector<Value> items, ListKind kind = ListKind::kList);
  [[nodiscard]] Value list_value(std::vector<Value> items, ListKind kind = ListKind::kList) {
    return Value(list(std::move(items), kind));
  }
  [[nodiscard]] Value pair(const Value& first, const Value& second) {
    return list_value({first, second}, ListKind::kTuple);
  }
  [[nodiscard]] const Map& map(Map map);
  [[nodiscard]] Value iterator(std::vector<Value> items);
  [[nodiscard]] Namespace& name_space();
  [[nodiscard]] Value callable(Callable callable);
  [[nodiscard]] Scope& scope(Scope* parent);
  [[nodiscard]] Loop& keep(std::unique_ptr<Loop> loop);

 private:
  struct Objects;  // a deque for each kind
  std::unique_ptr<Objects> objects_;
  std::size_t bytes_max_;
  std::size_t bytes_left_;
  std::size_t steps_max_;
  std::size_t steps_left_;
};

// Text that grows within the heap's budget.
class TextBuilder {
 public:
  explicit TextBuilder(Heap& heap) : heap_(heap) {}
  void add(std::string_view piece) {
    heap_.need(text_.size() + piece.size());
    text_ += piece;
  }
  void add(std::size_t count, char character) {
    heap_.need(count);
    heap_.need(text_.size() + count);
    text_.append(count, character);
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] Value finish() { return heap_.text(std::move(text_)); }

 private:
  Heap& heap_;
  std::string text_;
};

}  // namespace luthier::text::jinja
