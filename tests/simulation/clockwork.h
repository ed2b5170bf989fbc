// Clockwork: the simulation's time. One queue of things to do, in order of time and then of arrival.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace luthier::simulation {

class Clockwork {
 public:
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  void after(std::int64_t delay_ms, std::function<void()> action) { at(now_ms_ + delay_ms, std::move(action)); }
  void at(std::int64_t time_ms, std::function<void()> action) {
    queue_.push({time_ms < now_ms_ ? now_ms_ : time_ms, sequence_++, std::move(action)});
  }
  // Does the next thing; false when there is none before `until_ms`.
  bool advance(std::int64_t until_ms) {
    if (queue_.empty() || queue_.top().time_ms > until_ms) {
      now_ms_ = until_ms;
      return false;
    }
    const Entry next = queue_.top();
    queue_.pop();
    now_ms_ = next.time_ms;
    next.action();
    return true;
  }

 private:
  struct Entry {
    std::int64_t time_ms = 0;
    std::uint64_t sequence = 0;
    std::function<void()> action;
    friend bool operator<(const Entry& a, const Entry& b) {  // the queue's top is its greatest
      return a.time_ms != b.time_ms ? a.time_ms > b.time_ms : a.sequence > b.sequence;
    }
  };
  std::priority_queue<Entry> queue_;
  std::int64_t now_ms_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace luthier::simulation
