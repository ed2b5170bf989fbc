// Paired bootstrap: how sure one may be that one model is better than another on the same examples. Pure.
//
// A metric of a model is a ratio of sums over examples: the loss is total loss over total tokens, an accuracy is right
// answers over examples. Each resample draws as many examples as there are, with replacement, takes BOTH models' sums
// over the same draw, and notes the difference of the two ratios; the interval is the middle share of the differences.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace luthier {

// One example's part in a ratio of sums. Of an accuracy: total 1 or 0, weight 1. Of a loss: its sum over the example's
// tokens, and their number.
struct ScorePart {
  double total = 0;
  double weight = 1;
};

struct BootstrapOptions {
  int resamples = 10'000;
  double confidence = 0.95;  // in (0, 1)
  std::uint64_t seed = 1;
};

struct Interval {
  double low = 0;
  double high = 0;
};

struct PairedDifference {
  double first = 0;       // the metric of `first` over all examples
  double second = 0;      // and of `second`
  double difference = 0;  // first - second
  Interval interval;      // of the difference
};

// Sum of totals over sum of weights; 0 when the weights are 0.
[[nodiscard]] double ratio(const std::vector<ScorePart>& parts);

// The quantile as NumPy's default gives it (linear between the two neighbours); `sorted` must not be empty.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double share);

// kInvalidArgument when the two differ in length, are empty, or an option is out of its range. The same input gives
// the same interval on every machine.
[[nodiscard]] Result<PairedDifference> paired_bootstrap(const std::vector<ScorePart>& first,
                                                        const std::vector<ScorePart>& second,
                                                        const BootstrapOptions& options);

// The interval of one model's own metric, by the same draws.
[[nodiscard]] Result<Interval> bootstrap_interval(const std::vector<ScorePart>& parts, const BootstrapOptions& options);

}  // namespace luthier
