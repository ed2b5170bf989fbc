// TaskPool: threads for what reactors may not do themselves: disk and database. Thread-safe.
//
// A reactor has at most one task in the pool, so the queue is bounded by the number of open calls; the bound here is
// the backstop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace luthier::fleet {

class TaskPool {
 public:
  static constexpr std::size_t kTasksMax = 4096;

  explicit TaskPool(std::size_t threads);
  // Runs what is queued, then joins.
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // False when full.
  [[nodiscard]] bool post(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace luthier::fleet
