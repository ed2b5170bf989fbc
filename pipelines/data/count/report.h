// What was counted, for people and programs. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "pipelines/data/count/cost.h"
#include "pipelines/data/count/count_file.h"

namespace luthier::data::count {

struct Estimate {
  std::int64_t epochs = 0;
  bool default_epochs = true;       // by the rule of the hosted API
  std::int64_t trained_tokens = 0;  // billed tokens times epochs
  std::optional<Prices> prices;
  std::string currency = "USD";
  double training_price = 0;
  std::optional<double> asking_price;  // each example once: what is not answer as input, the rest as output
  std::optional<double> gpu_hours;     // hours, times GPUs where there are any
  std::optional<double> tokens_per_second;
  std::string speed_source;  // where that figure comes from
  int gpus = 1;              // that make it; 0: it was measured without
};

struct EstimateOptions {
  std::optional<std::int64_t> epochs;
  std::optional<Prices> prices;
  std::string currency = "USD";
  std::optional<double> tokens_per_second;
  std::string speed_source;
  int gpus = 1;  // 0: none
};
[[nodiscard]] Estimate estimate(const Counts& counts, const EstimateOptions& options);

[[nodiscard]] nlohmann::ordered_json to_json(const Counts& counts, const Estimate& estimate);
[[nodiscard]] std::string to_text(const Counts& counts, const Estimate& estimate);

}  // namespace luthier::data::count
