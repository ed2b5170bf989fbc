// ModelConfig: what config.json of a Hugging Face folder says about a decoder of the Llama family, checked.
// Free of LibTorch. Both spellings are read: rope_theta with rope_scaling (transformers 4) and rope_parameters
// (transformers 5), torch_dtype and dtype. What this program cannot compute exactly is refused by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::worker {

using Json = nlohmann::json;

enum class RopeKind { kDefault, kLinear, kLlama3 };

struct Rope {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10'000;
  double factor = 1;                                // linear and llama3
  double low_frequency_factor = 1;                  // llama3
  double high_frequency_factor = 4;                 // llama3
  double original_max_position_embeddings = 8'192;  // llama3
};

struct ModelConfig {
  std::string model_type;  // "llama", "mistral" or "qwen2"
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  Rope rope;
  bool tie_word_embeddings = false;
  bool query_key_value_bias = false;
  bool output_bias = false;  // of the attention's output projection
  bool mlp_bias = false;
  std::vector<std::int64_t> eos_token_ids;  // may be empty
  std::string dtype;                        // "float32", "bfloat16", "float16"; empty when the file is silent
  Json source;                              // the file, for writing it back
};

// kInvalidArgument says which member is missing, malformed or unsupported.
[[nodiscard]] Result<ModelConfig> parse_model_config(std::string_view text);
[[nodiscard]] Result<ModelConfig> read_model_config(const std::filesystem::path& model_folder);

// config.source with its dtype replaced ("float32", …), as text for a model folder we write.
[[nodiscard]] std::string config_text(const ModelConfig& config, std::string_view dtype);

// A weight that the architecture has: its name in the file and its shape.
struct WeightSpec {
  std::string name;
  std::vector<std::int64_t> shape;
};
[[nodiscard]] std::vector<WeightSpec> weight_specs(const ModelConfig& config);

// Inverse frequencies of the rotary embedding, head_dim / 2 of them, scaled as config.rope says.
[[nodiscard]] std::vector<double> rope_inverse_frequencies(const ModelConfig& config);

// From `init` of a train step: a new Llama of that size. `vocab_size` and the ids come from its tokenizer.
[[nodiscard]] Result<ModelConfig> config_of_new_model(const Json& init, std::int64_t vocab_size,
                                                      std::int64_t eos_token_id);

}  // namespace luthier::worker
