// What an evaluation found: metrics, the verdict, and the report people read. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier::worker {

struct EvalMetrics {
  double loss = 0;
  double token_accuracy = 0;
  double sequence_accuracy = 0;
  std::optional<double> label_accuracy;  // with labels
  std::int64_t examples = 0;

  // loss, token_accuracy, sequence_accuracy, label_accuracy; nullopt for another name or a metric not measured.
  [[nodiscard]] std::optional<double> by_name(const std::string& name) const;
};
[[nodiscard]] nlohmann::json to_json(const EvalMetrics& metrics);

struct Verdict {
  bool better = false;
  std::string metric;  // the name compared
  std::string reason;  // one sentence
};

// Compares label_accuracy when there are labels, else loss; a tie in label_accuracy is broken by loss. All
// `thresholds` must be met in any case (for loss: at most; for the others: at least). Then: with a baseline, it
// must be beaten; without one and without thresholds, the base must be beaten, if there is one.
[[nodiscard]] Verdict decide(const EvalMetrics& metrics, const std::optional<EvalMetrics>& base,
                             const std::optional<EvalMetrics>& baseline,
                             const std::map<std::string, double>& thresholds);

// From `thresholds` of the job: null or an object of numbers by metric name.
[[nodiscard]] Result<std::map<std::string, double>> parse_thresholds(const nlohmann::json& json);

struct Sample {
  std::string prompt;
  std::string expected;
  std::optional<std::string> base;  // what the model says without its adapter; absent when it has none
  std::string tuned;
};

struct EvalReport {
  std::string model_name;  // may be empty
  EvalMetrics metrics;
  std::optional<EvalMetrics> base;
  std::optional<EvalMetrics> baseline;
  Verdict verdict;
  std::vector<std::string> labels;
  std::vector<Sample> samples;
};
[[nodiscard]] nlohmann::json to_json(const EvalReport& report);
[[nodiscard]] std::string to_markdown(const EvalReport& report);

}  // namespace luthier::worker
