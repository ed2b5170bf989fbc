#include "agents/worker/eval/metrics.h"

#include <cstdio>

namespace luthier::worker {

std::optional<double> EvalMetrics::by_name(const std::string& name) const {
  if (name == "loss") {
    return loss;
  }
  if (name == "token_accuracy") {
    return token_accuracy;
  }
  if (name == "sequence_accuracy") {
    return sequence_accuracy;
  }
  return name == "label_accuracy" ? label_accuracy : std::nullopt;
}

nlohmann::json to_json(const EvalMetrics& metrics) {
  nlohmann::json json = {{"loss", metrics.loss},
                         {"token_accuracy", metrics.token_accuracy},
                         {"sequence_accuracy", metrics.sequence_accuracy},
                         {"examples", metrics.examples}};
  if (metrics.label_accuracy.has_value()) {
    json["label_accuracy"] = *metrics.label_accuracy;
  }
  return json;
}

bool is_metric(const std::string& name) { return EvalMetrics{.label_accuracy = 0}.by_name(name).has_value(); }
bool lower_is_better(const std::string& name) { return name == "loss"; }

std::string metric_text(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.4f", value);
  return text;
}

}  // namespace luthier::worker
