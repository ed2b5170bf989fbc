// Metrics: what the controller counts while it runs, for GET /metrics. Thread-safe; nothing here blocks for long.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace luthier::controller {

// Observations counted by upper bounds, as Prometheus' histograms are.
class Histogram {
 public:
  struct Counts {
    std::vector<std::pair<double, std::uint64_t>> buckets;  // upper bound, observations up to it; without +Inf
    std::uint64_t count = 0;
    double sum = 0;
  };

  explicit Histogram(std::vector<double> upper_bounds) : bounds_(std::move(upper_bounds)), buckets_(bounds_.size()) {}
  void observe(double value);
  [[nodiscard]] Counts counts() const;

 private:
  const std::vector<double> bounds_;  // growing
  mutable std::mutex mutex_;          // guards the rest
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

// Counts by labels. The caller bounds how many different labels there can be.
template <class Labels>
class Counter {
 public:
  void add(const Labels& labels) {
    const std::lock_guard lock(mutex_);
    ++counts_[labels];
  }
  [[nodiscard]] std::map<Labels, std::uint64_t> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Labels, std::uint64_t> counts_;
};

struct RequestLabels {
  std::string method;
  std::string route;  // its pattern; "none" for what matches no route
  int code = 0;
  friend auto operator<=>(const RequestLabels&, const RequestLabels&) = default;
};

struct Metrics {
  Histogram commit_seconds{{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}};
  Histogram commit_records{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000}};
  Histogram request_seconds{{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120}};
  Counter<RequestLabels> requests;
  Counter<std::string> events;  // by name
};

}  // namespace luthier::controller
