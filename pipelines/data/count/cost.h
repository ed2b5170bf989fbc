// What a training on counted tokens takes: epochs, billed tokens, money, GPU-hours. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::data::count {

// Dollars, or whatever `currency` says, for a million tokens.
struct Prices {
  double training = 0;
  std::optional<double> input;  // of asking the tuned model
  std::optional<double> output;
  std::optional<std::int64_t> training_context;  // tokens of an example that are trained on, where the table says
  std::optional<std::int64_t> context;           // of asking
};

struct PriceTable {
  std::string currency = "USD";
  std::map<std::string, Prices> models;
};

// {"currency": "USD", "models": {NAME: {"training": 8.0, "input": 3.0, "output": 6.0, "training_context": 4096,
// "context": 4096}}}; all but `training` may be missing. kInvalidArgument names the member at fault.
[[nodiscard]] Result<PriceTable> parse_price_table(std::string_view json);

// The default of the hosted API: 3 epochs; more where they make fewer than 100 examples in all, at most 25; fewer where
// they make more than 25,000, at least 1. `examples` is at least 1.
[[nodiscard]] std::int64_t default_epochs(std::int64_t examples);

[[nodiscard]] double price_of(std::int64_t tokens, double per_million);
[[nodiscard]] double gpu_hours(std::int64_t trained_tokens, double tokens_per_second, int gpus);

}  // namespace luthier::data::count
