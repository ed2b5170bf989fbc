#include "pipelines/text/jinja/heap.h"

#include <deque>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/fault.h"

namespace luthier::text::jinja {

struct Heap::Objects {
  std::deque<std::string> texts;
  std::deque<List> lists;
  std::deque<Map> maps;
  std::deque<Iterator> iterators;
  std::deque<Namespace> namespaces;
  std::deque<Callable> callables;
  std::deque<Scope> scopes;
  std::deque<std::unique_ptr<Loop>> loops;
};

Heap::Heap(std::size_t bytes_max, std::size_t steps_max)
    : objects_(std::make_unique<Objects>()),
      bytes_max_(bytes_max),
      bytes_left_(bytes_max),
      steps_max_(steps_max),
      steps_left_(steps_max) {}

Heap::~Heap() = default;

void Heap::step(std::size_t count) {
  if (count > steps_left_) {
    steps_left_ = 0;
    fail_bound("the template needs more than " + std::to_string(steps_max_) + " steps; it may never end");
  }
  steps_left_ -= count;
}

void Heap::need(std::size_t bytes) const {
  if (bytes > bytes_left_) {
    fail_bound("the template needs more than " + std::to_string(bytes_max_) + " bytes of memory");
  }
}

void Heap::charge(std::size_t bytes) {
  need(bytes);
  bytes_left_ -= bytes;
}

Value Heap::text(std::string text) {
  charge(sizeof(std::string) + (text.capacity() > 15 ? text.capacity() : 0));
  return Value::text(objects_->texts.emplace_back(std::move(text)));
}

const List& Heap::list(std::vector<Value> items, ListKind kind) {
  charge(sizeof(List) + items.capacity() * sizeof(Value));
  step(1 + items.size() / 8);
  return objects_->lists.emplace_back(List{std::move(items), kind});
}

const Map& Heap::map(Map map) {
  charge(sizeof(Map) + map.entries.capacity() * sizeof(map.entries[0]) + map.index.size() * 64);
  return objects_->maps.emplace_back(std::move(map));
}

Value Heap::iterator(std::vector<Value> items) {
  charge(sizeof(Iterator));
  return Value(objects_->iterators.emplace_back(Iterator{&list(std::move(items)), 0}));
}

Namespace& Heap::name_space() {
  charge(sizeof(Namespace));
  return objects_->namespaces.emplace_back();
}

Value Heap::callable(Callable callable) {
  charge(sizeof(Callable));
  return Value(objects_->callables.emplace_back(callable));
}

Scope& Heap::scope(Scope* parent) {
  charge(sizeof(Scope) + 4 * sizeof(std::pair<std::string_view, Value>));
  return objects_->scopes.emplace_back(Scope{parent, {}});
}

Loop& Heap::keep(std::unique_ptr<Loop> loop) {
  charge(sizeof(Loop));
  return *objects_->loops.emplace_back(std::move(loop));
}

}  // namespace luthier::text::jinja
