#include "agents/strand.h"

#include <algorithm>
#include <future>

namespace luthier::agents {
namespace {
constexpr std::size_t kQueueMax = 10'000;
constexpr std::int64_t kIdleMs = 60'000;
}  // namespace

Strand::Strand(const Clock& clock, Options options) : clock_(clock) { state_.options = options; }

void Strand::start(Perform perform) {
  perform_ = std::move(perform);
  thread_ = std::thread([this] { run(); });
}

void Strand::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_.clear();  // breaks the promises of held()
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Strand::enqueue(std::variant<Input, Task> item) {
  std::unique_lock lock(mutex_);
  if (std::this_thread::get_id() != thread_.get_id()) {
    changed_.wait(lock, [this] { return stopping_ || queue_.size() < kQueueMax; });
  }
  if (stopping_) {
    return;
  }
  queue_.push_back(std::move(item));
  lock.unlock();
  changed_.notify_all();
}

void Strand::post(Input input) { enqueue(std::move(input)); }

std::vector<HeldAttempt> Strand::held() {
  auto promise = std::make_shared<std::promise<std::vector<HeldAttempt>>>();
  std::future<std::vector<HeldAttempt>> future = promise->get_future();
  enqueue(Task([this, promise] { promise->set_value(held_attempts(state_)); }));
  promise.reset();
  try {
    return future.get();
  } catch (const std::future_error&) {  // the task was dropped
    return {};
  }
}

void Strand::handle(const Input& input) {
  for (const Effect& effect : step(state_, input, clock_.now())) {
    if (const auto* wake = std::get_if<WakeAt>(&effect)) {
      wake_ms_ = wake_ms_ == 0 ? wake->monotonic_ms : std::min(wake_ms_, wake->monotonic_ms);
    } else {
      perform_(effect);
    }
  }
}

void Strand::run() {
  while (true) {
    std::variant<Input, Task> item = Input(Tick{});
    {
      std::unique_lock lock(mutex_);
      const std::int64_t patience_ms =
          wake_ms_ == 0 ? kIdleMs : std::max<std::int64_t>(0, wake_ms_ - clock_.now().monotonic_ms);
      const bool woken =
          changed_.wait_for(lock, milliseconds(patience_ms), [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) {
        return;
      }
      if (woken) {
        item = std::move(queue_.front());
        queue_.pop_front();
      } else {
        wake_ms_ = 0;
      }
    }
    changed_.notify_all();
    if (const Task* task = std::get_if<Task>(&item)) {
      (*task)();
    } else {
      handle(std::get<Input>(item));
      if (wake_ms_ != 0 && clock_.now().monotonic_ms >= wake_ms_) {  // a busy queue must not starve the timers
        wake_ms_ = 0;
        handle(Tick{});
      }
    }
  }
}

}  // namespace luthier::agents
