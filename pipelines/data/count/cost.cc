#include "pipelines/data/count/cost.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace luthier::data::count {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kTargetEpochs = 3;
constexpr std::int64_t kExamplesMin = 100;
constexpr std::int64_t kExamplesMax = 25'000;
constexpr std::int64_t kEpochsMin = 1;
constexpr std::int64_t kEpochsMax = 25;

Error wrong(const std::string& where, const std::string& expected) {
  return {ErrorCode::kInvalidArgument, "price table: " + where + " must be " + expected};
}

Result<std::optional<double>> read_price(const Json& model, const std::string& where, const char* name) {
  const auto found = model.find(name);
  if (found == model.end()) {
    return std::optional<double>();
  }
  if (!found->is_number() || !(found->get<double>() >= 0)) {
    return wrong(where + "." + name, "a number from 0");
  }
  return std::optional<double>(found->get<double>());
}

Result<std::optional<std::int64_t>> read_tokens(const Json& model, const std::string& where, const char* name) {
  const auto found = model.find(name);
  if (found == model.end()) {
    return std::optional<std::int64_t>();
  }
  if (!found->is_number_integer() || found->get<std::int64_t>() < 1) {
    return wrong(where + "." + name, "a whole number from 1");
  }
  return std::optional<std::int64_t>(found->get<std::int64_t>());
}

Result<Prices> read_model(const Json& model, const std::string& where) {
  if (!model.is_object()) {
    return wrong(where, "an object");
  }
  for (const auto& [name, value] : model.items()) {
    if (name != "training" && name != "input" && name != "output" && name != "training_context" && name != "context") {
      return wrong(where, "without `" + name + "`; there are training, input, output, training_context and context");
    }
  }
  Prices prices;
  LUTHIER_TRY(const std::optional<double> training, read_price(model, where, "training"));
  if (!training.has_value()) {
    return wrong(where, "given with `training`, the price of a million trained tokens");
  }
  prices.training = *training;
  LUTHIER_TRY(prices.input, read_price(model, where, "input"));
  LUTHIER_TRY(prices.output, read_price(model, where, "output"));
  LUTHIER_TRY(prices.training_context, read_tokens(model, where, "training_context"));
  LUTHIER_TRY(prices.context, read_tokens(model, where, "context"));
  return prices;
}

}  // namespace

Result<PriceTable> parse_price_table(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("models") || !json["models"].is_object()) {
    return wrong("the file", "a JSON object with `models`");
  }
  PriceTable table;
  if (json.contains("currency")) {
    if (!json["currency"].is_string()) {
      return wrong("currency", "text");
    }
    table.currency = json["currency"].get<std::string>();
  }
  for (const auto& [name, model] : json["models"].items()) {
    LUTHIER_TRY(table.models[name], read_model(model, "models." + name));
  }
  return table;
}

std::int64_t default_epochs(std::int64_t examples) {
  examples = std::max<std::int64_t>(examples, 1);
  if (examples * kTargetEpochs < kExamplesMin) {
    return std::min(kEpochsMax, kExamplesMin / examples);
  }
  if (examples * kTargetEpochs > kExamplesMax) {
    return std::max(kEpochsMin, kExamplesMax / examples);
  }
  return kTargetEpochs;
}

double price_of(std::int64_t tokens, double per_million) { return static_cast<double>(tokens) * per_million / 1e6; }

double gpu_hours(std::int64_t trained_tokens, double tokens_per_second, int gpus) {
  return static_cast<double>(trained_tokens) / tokens_per_second / 3'600 * gpus;
}

}  // namespace luthier::data::count
