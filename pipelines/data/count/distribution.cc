#include "pipelines/data/count/distribution.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace luthier::data::count {

double quantile(const std::vector<std::uint32_t>& sorted, double share) {
  LUTHIER_CHECK(!sorted.empty());
  const double place = static_cast<double>(sorted.size() - 1) * share;
  const double below = std::floor(place);
  const auto index = static_cast<std::size_t>(below);
  const double part = place - below;
  const double left = sorted[index];
  const double right = sorted[std::min(index + 1, sorted.size() - 1)];
  // From the nearer end, so that the last bits are numpy's.
  return part < 0.5 ? left + (right - left) * part : right - (right - left) * (1 - part);
}

Distribution describe(std::vector<std::uint32_t>& values) {
  LUTHIER_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  std::uint64_t sum = 0;
  for (const std::uint32_t value : values) {
    sum += value;
  }
  const std::size_t middle = values.size() / 2;
  const double upper = values[middle];
  const double lower = values.size() % 2 == 1 ? upper : values[middle - 1];
  return {.least = values.front(),
          .most = values.back(),
          .mean = static_cast<double>(sum) / static_cast<double>(values.size()),
          .median = (lower + upper) / 2,
          .p5 = quantile(values, 0.1),
          .p95 = quantile(values, 0.9)};
}

}  // namespace luthier::data::count
