// AdapterConfig: adapter_config.json of a LoRA adapter in PEFT's format, checked. Free of LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agents/worker/formats/model_config.h"
#include "base/result.h"

namespace luthier::worker {

// The linear layers that LoRA can adapt, as PEFT names them.
[[nodiscard]] const std::vector<std::string>& lora_target_names();

struct AdapterConfig {
  std::int64_t r = 16;
  double alpha = 32;
  double dropout = 0;                       // of the adapter's input, in training only
  std::vector<std::string> target_modules;  // sorted subset of lora_target_names()
  bool use_rslora = false;
  std::string base_model_name;  // for people and for PEFT; may be empty

  // What the product of B and A is multiplied by.
  [[nodiscard]] double scale() const;
  friend bool operator==(const AdapterConfig&, const AdapterConfig&) = default;
};

// From `lora` of a train step: {r, alpha, dropout, target_modules}, each optional; alpha defaults to 2 r. An
// unknown key or a bad value is an error that names it.
[[nodiscard]] Result<AdapterConfig> parse_lora_options(const Json& lora);

// From adapter_config.json. DoRA, modules_to_save, biases, patterns and adapters other than LoRA are refused by
// name, because ignoring them would silently give another model.
[[nodiscard]] Result<AdapterConfig> parse_adapter_config(std::string_view text);
[[nodiscard]] Result<AdapterConfig> read_adapter_config(const std::filesystem::path& adapter_folder);

[[nodiscard]] std::string adapter_config_text(const AdapterConfig& config);

// The tensors that the adapter has on this model: PEFT's names and shapes.
[[nodiscard]] std::vector<WeightSpec> adapter_weight_specs(const AdapterConfig& adapter, const ModelConfig& model);

}  // namespace luthier::worker
