// RestartPolicy: whether and when a program that ended is started again. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace luthier::cli {

class RestartPolicy {
 public:
  static constexpr int kRestartsMax = 5;  // within the window; one more end and it is given up
  static constexpr std::int64_t kWindowMs = 60'000;
  static constexpr std::int64_t kFirstPauseMs = 250;  // doubles with each restart within the window

  // The program ended at this time: the pause before it is started again, or nothing when it is given up.
  [[nodiscard]] std::optional<std::int64_t> on_end(std::int64_t now_ms) {
    while (!ends_.empty() && now_ms - ends_.front() > kWindowMs) {
      ends_.pop_front();
    }
    ends_.push_back(now_ms);
    if (ends_.size() > kRestartsMax) {
      return std::nullopt;
    }
    return kFirstPauseMs << (ends_.size() - 1);
  }

 private:
  std::deque<std::int64_t> ends_;
};

}  // namespace luthier::cli
