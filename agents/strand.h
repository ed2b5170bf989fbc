// Strand: the one thread that owns the agent's State. Takes inputs from any thread in order, runs the pure core on
// each, and hands its effects on.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "agents/core/core.h"
#include "base/clock.h"

namespace luthier::agents {

class Strand {
 public:
  // Called on the strand's thread for every effect but WakeAt; must not block for long.
  using Perform = std::function<void(const Effect&)>;
  Strand(const Clock& clock, Options options);
  ~Strand() { stop(); }
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  void start(Perform perform);
  // Drops what waits. Safe to call twice.
  void stop();

  // Any thread. Waits while 10,000 inputs are queued, unless called on the strand itself; drops after stop().
  void post(Input input);
  // Any other thread: held_attempts() as of all that was posted before; nothing after stop().
  [[nodiscard]] std::vector<HeldAttempt> held();

 private:
  using Task = std::function<void()>;
  void run();
  void handle(const Input& input);
  void enqueue(std::variant<Input, Task> item);

  const Clock& clock_;
  State state_;               // of the thread
  std::int64_t wake_ms_ = 0;  // monotonic; 0: none
  Perform perform_;
  std::mutex mutex_;  // guards queue_ and stopping_
  std::condition_variable changed_;
  std::deque<std::variant<Input, Task>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace luthier::agents
