// EventHub: wakes the streams that wait for published events. Thread-safe; calls wakes outside its lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "controller/store/store.h"

namespace luthier::http {

class EventHub {
 public:
  // Unsubscribes when destroyed; must not outlive the hub.
  class Subscription {
   public:
    Subscription(EventHub& hub, std::uint64_t number) : hub_(hub), number_(number) {}
    ~Subscription() { hub_.remove(number_); }
    // Events about its run that were published and not given to caught_up() yet.
    [[nodiscard]] std::uint64_t behind() const { return hub_.behind(number_); }
    // So many of them were read.
    void caught_up(std::uint64_t count) { hub_.caught_up(number_, count); }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    EventHub& hub_;
    const std::uint64_t number_;
  };

  // `wake` is called after every event about `run` (empty: about anything). It must not block.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(std::string run, std::function<void()> wake);
  void published(const store::OutboxRow& row);

  struct Lag {
    std::size_t readers = 0;
    std::uint64_t events_max = 0;  // of the reader that is furthest behind
  };
  [[nodiscard]] Lag lag() const;

 private:
  struct Subscriber {
    std::string run;
    std::function<void()> wake;
    std::uint64_t behind = 0;
  };
  void remove(std::uint64_t number);
  [[nodiscard]] std::uint64_t behind(std::uint64_t number) const;
  void caught_up(std::uint64_t number, std::uint64_t count);

  mutable std::mutex mutex_;  // guards the rest
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Subscriber> subscribers_;
};

}  // namespace luthier::http
