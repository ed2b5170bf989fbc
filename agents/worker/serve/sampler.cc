#include "agents/worker/serve/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace luthier::worker {
namespace {

std::size_t most_likely(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best] || std::isnan(logits[best])) {
      best = i;
    }
  }
  return best;
}

}  // namespace

std::int64_t Sampler::choose(std::span<const float> logits) {
  LUTHIER_CHECK(!logits.empty());
  const std::size_t best = most_likely(logits);
  if (options_.temperature <= 0 || !std::isfinite(logits[best])) {
    return static_cast<std::int64_t>(best);
  }
  std::vector<double> weights(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double exponent = (static_cast<double>(logits[i]) - logits[best]) / options_.temperature;
    weights[i] = std::isnan(exponent) ? 0 : std::exp(exponent);
  }
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });

  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double kept = 0;
  std::size_t kept_count = 0;
  while (kept_count < order.size() && (kept_count == 0 || kept < options_.top_p * total)) {
    kept += weights[order[kept_count++]];
  }
  double remaining = random_.uniform() * kept;
  for (std::size_t i = 0; i < kept_count; ++i) {
    remaining -= weights[order[i]];
    if (remaining < 0) {
      return static_cast<std::int64_t>(order[i]);
    }
  }
  return static_cast<std::int64_t>(order[kept_count - 1]);
}

}  // namespace luthier::worker
