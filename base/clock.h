// Time as an argument. Only base/clock.cc reads the system's clocks; pure code takes a `Now`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace luthier {

using std::chrono::milliseconds;

// One reading of both clocks. `wall` is milliseconds since the Unix epoch (for people and schedules);
// `monotonic` is milliseconds of this machine's uptime (for timeouts; never goes back, not comparable
// between machines or boots).
struct Now {
  std::int64_t wall_ms = 0;
  std::int64_t monotonic_ms = 0;

  friend bool operator==(const Now&, const Now&) = default;
};

// Borrowed by shells; fakes implement it in tests. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override;
};

// Set by hand, for tests.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override { return now_; }
  void advance(milliseconds by) {
    now_.wall_ms += by.count();
    now_.monotonic_ms += by.count();
  }
  void set(Now now) { now_ = now; }

 private:
  Now now_{1'700'000'000'000, 1'000};
};

// 2026-11-21T00:20:22.123Z
[[nodiscard]] std::string format_utc(std::int64_t wall_ms);

}  // namespace luthier
