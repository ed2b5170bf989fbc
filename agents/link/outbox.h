// Outbox: a bounded queue between threads that have messages and the one thread that may write to a stream.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace luthier::agents {

template <class Message>
class Outbox {
 public:
  explicit Outbox(std::size_t messages_max) : messages_max_(messages_max) {}

  // False when it is full or closed.
  [[nodiscard]] bool try_push(Message message) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || messages_.size() >= messages_max_) {
        return false;
      }
      messages_.push_back(std::move(message));
    }
    changed_.notify_all();
    return true;
  }
  // Waits for room. False when it is closed.
  [[nodiscard]] bool push(Message message) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || messages_.size() < messages_max_; });
    if (closed_) {
      return false;
    }
    messages_.push_back(std::move(message));
    lock.unlock();
    changed_.notify_all();
    return true;
  }
  // The next message, or nothing after `patience` or when it is closed.
  [[nodiscard]] std::optional<Message> pop(milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return closed_ || !messages_.empty(); });
    if (closed_ || messages_.empty()) {
      return std::nullopt;
    }
    Message message = std::move(messages_.front());
    messages_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return message;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  const std::size_t messages_max_;
  mutable std::mutex mutex_;  // guards messages_ and closed_
  std::condition_variable changed_;
  std::deque<Message> messages_;
  bool closed_ = false;
};

}  // namespace luthier::agents
