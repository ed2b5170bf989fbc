// The gate: whether a model is better, and the one sentence that says why. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agents/worker/eval/metrics.h"
#include "agents/worker/eval/scores.h"
#include "base/result.h"

namespace luthier::worker {

struct Gate {
  std::string metric;          // empty: label_accuracy where both have it, else loss
  double confidence = 0.95;    // of the interval
  double min_improvement = 0;  // the whole interval must lie above it; negative: so much worse is acceptable
  int resamples = 10'000;
  std::uint64_t seed = 1;
};

// From `gate` of the job: null or {metric, confidence, min_improvement, resamples, seed}, each optional.
[[nodiscard]] Result<Gate> parse_gate(const nlohmann::json& json);

// A model and what it is measured against, over the same examples. An improvement is positive when the model is
// better: of the loss, how much lower it is; of an accuracy, how much higher.
struct Comparison {
  std::string against;  // "baseline" or "base"
  std::string metric;
  double model = 0;
  double other = 0;
  double improvement = 0;
  Interval interval;  // of the improvement
  std::size_t examples = 0;
};
[[nodiscard]] nlohmann::json to_json(const Comparison& comparison, const Gate& gate);

struct Verdict {
  bool better = false;
  std::string metric;  // that decided, or would have
  std::string reason;  // one sentence
  std::optional<Comparison> comparison;
};

// One model's results.
struct Measured {
  EvalMetrics metrics;
  ModelScores scores;
};

// All `thresholds` must be met in any case (for loss: at most; for the others: at least). Then, with a baseline, the
// interval of the improvement over it must lie above gate.min_improvement; without one and without thresholds the same
// against the base, if there is one. Models whose examples cannot be paired are not better.
[[nodiscard]] Verdict decide(const Measured& model, const std::optional<Measured>& base,
                             const std::optional<Measured>& baseline, const std::map<std::string, double>& thresholds,
                             const Gate& gate);

// From `thresholds` of the job: null or an object of numbers by metric name.
[[nodiscard]] Result<std::map<std::string, double>> parse_thresholds(const nlohmann::json& json);

}  // namespace luthier::worker
