#include "base/paired_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.h"
#include "base/random.h"

namespace luthier {
namespace {

struct Sums {
  double total = 0;
  double weight = 0;
  void add(const ScorePart& part) {
    total += part.total;
    weight += part.weight;
  }
  [[nodiscard]] double ratio() const { return weight == 0 ? 0 : total / weight; }
};

Result<void> check_options(std::size_t examples, const BootstrapOptions& options) {
  if (examples == 0) {
    return Error{ErrorCode::kInvalidArgument, "there are no examples to compare on"};
  }
  if (options.resamples < 1) {
    return Error{ErrorCode::kInvalidArgument, "resamples must be at least 1, not " + std::to_string(options.resamples)};
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    return Error{ErrorCode::kInvalidArgument, "confidence must lie between 0 and 1, such as 0.95"};
  }
  return {};
}

// The middle `confidence` share of what `draw` gives for each resample.
template <class Draw>
Interval middle_share(const BootstrapOptions& options, const Draw& draw) {
  Random random(options.seed);
  std::vector<double> values(static_cast<std::size_t>(options.resamples));
  for (double& value : values) {
    value = draw(random);
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  return {quantile(values, tail), quantile(values, 1 - tail)};
}

}  // namespace

double ratio(const std::vector<ScorePart>& parts) {
  Sums sums;
  for (const ScorePart& part : parts) {
    sums.add(part);
  }
  return sums.ratio();
}

double quantile(const std::vector<double>& sorted, double share) {
  LUTHIER_CHECK(!sorted.empty());
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

Result<PairedDifference> paired_bootstrap(const std::vector<ScorePart>& first, const std::vector<ScorePart>& second,
                                          const BootstrapOptions& options) {
  if (first.size() != second.size()) {
    return Error{ErrorCode::kInvalidArgument, "the two were scored on " + std::to_string(first.size()) + " and " +
                                                  std::to_string(second.size()) +
                                                  " examples, so they cannot be paired"};
  }
  LUTHIER_TRY_VOID(check_options(first.size(), options));
  PairedDifference found{.first = ratio(first), .second = ratio(second), .difference = 0, .interval = {}};
  found.difference = found.first - found.second;
  found.interval = middle_share(options, [&](Random& random) {
    Sums a;
    Sums b;
    for (std::size_t i = 0; i < first.size(); ++i) {
      const std::size_t drawn = random.below(first.size());
      a.add(first[drawn]);
      b.add(second[drawn]);
    }
    return a.ratio() - b.ratio();
  });
  return found;
}

Result<Interval> bootstrap_interval(const std::vector<ScorePart>& parts, const BootstrapOptions& options) {
  LUTHIER_TRY_VOID(check_options(parts.size(), options));
  return middle_share(options, [&](Random& random) {
    Sums sums;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sums.add(parts[random.below(parts.size())]);
    }
    return sums.ratio();
  });
}

}  // namespace luthier
