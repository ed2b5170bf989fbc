// Distribution: many numbers and what the cookbook's notebook prints of them, to the digit. Value type.
#pragma once

#include <cstdint>
#include <vector>

namespace luthier::data::count {

struct Distribution {
  std::int64_t least = 0;
  std::int64_t most = 0;
  double mean = 0;
  double median = 0;
  double p5 = 0;   // so labelled by the notebook; it is the linear 0.1 quantile
  double p95 = 0;  // and this the 0.9 quantile
};

// Of at least one number. Sorts `values`.
[[nodiscard]] Distribution describe(std::vector<std::uint32_t>& values);

// The linear quantile as numpy computes it; `sorted` has at least one number, `share` is from 0 to 1.
[[nodiscard]] double quantile(const std::vector<std::uint32_t>& sorted, double share);

}  // namespace luthier::data::count
