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
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    EventHub& hub_;
    const std::uint64_t number_;
  };

  // `wake` is called after every event about `run` (empty: about anything). It must not block.
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(std::string run, std::function<void()> wake);
  void published(const store::OutboxRow& row);

 private:
  struct Subscriber {
    std::string run;
    std::function<void()> wake;
  };
  void remove(std::uint64_t number);

  std::mutex mutex_;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Subscriber> subscribers_;
};

}  // namespace luthier::http
