#include "controller/http/event_hub.h"

#include <algorithm>
#include <vector>

namespace luthier::http {
namespace {

std::string run_of(const store::OutboxRow& row) {
  const auto run = row.payload.is_object() ? row.payload.find("run") : row.payload.end();
  return run != row.payload.end() && run->is_string() ? run->get<std::string>() : std::string();
}

}  // namespace

std::unique_ptr<EventHub::Subscription> EventHub::subscribe(std::string run, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_number_++;
  subscribers_[number] = {.run = std::move(run), .wake = std::move(wake)};
  return std::make_unique<Subscription>(*this, number);
}

void EventHub::published(const store::OutboxRow& row) {
  const std::string run = run_of(row);
  std::vector<std::function<void()>> wakes;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [number, subscriber] : subscribers_) {
      if (subscriber.run.empty() || subscriber.run == run) {
        ++subscriber.behind;
        wakes.push_back(subscriber.wake);
      }
    }
  }
  for (const std::function<void()>& wake : wakes) {
    wake();
  }
}

std::uint64_t EventHub::behind(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return subscribers_.at(number).behind;
}

void EventHub::caught_up(std::uint64_t number, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& behind = subscribers_.at(number).behind;
  behind -= std::min(behind, count);
}

EventHub::Lag EventHub::lag() const {
  const std::lock_guard lock(mutex_);
  Lag lag{.readers = subscribers_.size()};
  for (const auto& [number, subscriber] : subscribers_) {
    lag.events_max = std::max(lag.events_max, subscriber.behind);
  }
  return lag;
}

void EventHub::remove(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  subscribers_.erase(number);
}

}  // namespace luthier::http
