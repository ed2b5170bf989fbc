// Cancel: tells work on other threads that nobody wants it any more. Set once, never cleared. Thread-safe.
// retry(): repeats a call that failed for a passing reason until it is cancelled.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace luthier::agents {

class Cancel {
 public:
  void set() {
    std::map<int, std::function<void()>> callbacks;
    {
      const std::lock_guard lock(mutex_);
      set_ = true;
      callbacks.swap(callbacks_);
    }
    changed_.notify_all();
    for (const auto& [id, callback] : callbacks) {
      callback();
    }
  }
  [[nodiscard]] bool is_set() const {
    const std::lock_guard lock(mutex_);
    return set_;
  }
  // Waits; true as soon as it is set.
  [[nodiscard]] bool wait(milliseconds duration) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, duration, [this] { return set_; });
  }

  // While this object lives, set() calls `callback` (at once, on the constructor's thread, when it is set already).
  // The callback must outlive a set() in progress on another thread: keep what it uses in a shared_ptr.
  class OnSet {
   public:
    OnSet(const Cancel& cancel, std::function<void()> callback) : cancel_(cancel) {
      {
        const std::lock_guard lock(cancel_.mutex_);
        if (!cancel_.set_) {
          id_ = ++cancel_.last_id_;
          cancel_.callbacks_.emplace(id_, std::move(callback));
          return;
        }
      }
      callback();
    }
    ~OnSet() {
      const std::lock_guard lock(cancel_.mutex_);
      cancel_.callbacks_.erase(id_);
    }
    OnSet(const OnSet&) = delete;
    OnSet& operator=(const OnSet&) = delete;

   private:
    const Cancel& cancel_;
    int id_ = 0;
  };

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool set_ = false;
  mutable int last_id_ = 0;
  mutable std::map<int, std::function<void()>> callbacks_;
};

// Exponential, with jitter: half to all of 100 ms, 200 ms … up to `longest`.
class Backoff {
 public:
  explicit Backoff(std::uint64_t seed, milliseconds longest = milliseconds(5'000)) : random_(seed), longest_(longest) {}
  [[nodiscard]] milliseconds next() {
    const milliseconds full = std::min(longest_, next_);
    next_ = std::min(longest_, next_ * 2);
    return milliseconds(full.count() / 2 +
                        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(full.count() / 2 + 1))));
  }
  void reset() { next_ = milliseconds(100); }

 private:
  Random random_;
  milliseconds longest_;
  milliseconds next_{100};
};

// The controller is away: worth waiting for, however long it takes.
[[nodiscard]] inline bool is_outage(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
}

// Calls until success, a final error, or `cancel` (kCancelled). Outages are waited out; kInternal, kDataLoss and
// kResourceExhausted are tried `tries` times.
template <class Call>
auto retry(const Cancel& cancel, Call call, int tries = 5) -> decltype(call()) {
  Backoff backoff(reinterpret_cast<std::uintptr_t>(&cancel) ^ 0x9e37U);
  while (true) {
    auto result = call();
    if (result) {
      return result;
    }
    const ErrorCode code = result.error().code;
    const bool passing =
        code == ErrorCode::kInternal || code == ErrorCode::kDataLoss || code == ErrorCode::kResourceExhausted;
    if (!is_outage(result.error()) && (!passing || --tries <= 0)) {
      return result;
    }
    if (cancel.wait(backoff.next())) {
      return Error{ErrorCode::kCancelled, "cancelled while waiting to try again: " + result.error().message};
    }
  }
}

}  // namespace luthier::agents
