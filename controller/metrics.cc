#include "controller/metrics.h"

namespace luthier::controller {

void Histogram::observe(double value) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    buckets_[i] += value <= bounds_[i] ? 1U : 0U;
  }
  ++count_;
  sum_ += value;
}

Histogram::Counts Histogram::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts{.buckets = {}, .count = count_, .sum = sum_};
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    counts.buckets.emplace_back(bounds_[i], buckets_[i]);
  }
  return counts;
}

}  // namespace luthier::controller
