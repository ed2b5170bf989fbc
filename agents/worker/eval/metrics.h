// The metrics of one model on one dataset. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

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

// Whether `name` is one of the four.
[[nodiscard]] bool is_metric(const std::string& name);
[[nodiscard]] bool lower_is_better(const std::string& name);
// "0.9932".
[[nodiscard]] std::string metric_text(double value);

}  // namespace luthier::worker
