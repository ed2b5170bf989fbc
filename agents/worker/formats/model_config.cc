#include "agents/worker/formats/model_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>

#include "base/file.h"

namespace luthier::worker {
namespace {

constexpr std::uint64_t kConfigBytesMax = 16u << 20;

Error bad(const std::string& what) { return {ErrorCode::kInvalidArgument, "config.json: " + what}; }

// Absent and null read alike.
const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Result<std::int64_t> read_size(const Json& json, const char* name, std::optional<std::int64_t> fallback,
                               std::int64_t largest) {
  const Json* value = find(json, name);
  if (value == nullptr && fallback.has_value()) {
    return *fallback;
  }
  if (value == nullptr) {
    return bad(std::string("'") + name + "' is missing");
  }
  if (!value->is_number_integer() || value->get<std::int64_t>() < 1 || value->get<std::int64_t>() > largest) {
    return bad(std::string("'") + name + "' must be a whole number from 1 to " + std::to_string(largest) + ", not " +
               value->dump());
  }
  return value->get<std::int64_t>();
}

Result<double> read_number(const Json& json, const char* name, std::optional<double> fallback) {
  const Json* value = find(json, name);
  if (value == nullptr && fallback.has_value()) {
    return *fallback;
  }
  if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() <= 0) {
    return bad(std::string("'") + name + "' must be a positive number");
  }
  return value->get<double>();
}

Result<bool> read_bool(const Json& json, const char* name, bool fallback) {
  const Json* value = find(json, name);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_boolean()) {
    return bad(std::string("'") + name + "' must be true or false");
  }
  return value->get<bool>();
}

std::string text_or(const Json& json, const char* name, const char* fallback) {
  const Json* value = find(json, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : fallback;
}

Result<Rope> read_rope(const Json& json) {
  Rope rope;
  const Json none = Json::object();
  const Json* parameters = find(json, "rope_parameters");
  const Json* scaling = parameters != nullptr ? parameters : find(json, "rope_scaling");
  const Json& details = scaling != nullptr ? *scaling : none;
  if (!details.is_object()) {
    return bad("'rope_scaling' must be an object");
  }
  const Json& theta_holder = find(details, "rope_theta") != nullptr ? details : json;
  LUTHIER_TRY(rope.theta, read_number(theta_holder, "rope_theta", 10'000));
  const std::string kind = text_or(details, "rope_type", text_or(details, "type", "default").c_str());
  if (kind == "default") {
    return rope;
  }
  if (kind != "linear" && kind != "llama3") {
    return bad("rotary embedding of type '" + kind + "' is not supported (default, linear and llama3 are)");
  }
  rope.kind = kind == "linear" ? RopeKind::kLinear : RopeKind::kLlama3;
  LUTHIER_TRY(rope.factor, read_number(details, "factor", std::nullopt));
  if (rope.kind == RopeKind::kLlama3) {
    LUTHIER_TRY(rope.low_frequency_factor, read_number(details, "low_freq_factor", std::nullopt));
    LUTHIER_TRY(rope.high_frequency_factor, read_number(details, "high_freq_factor", std::nullopt));
    LUTHIER_TRY(rope.original_max_position_embeddings,
                read_number(details, "original_max_position_embeddings", std::nullopt));
    if (rope.high_frequency_factor <= rope.low_frequency_factor) {
      return bad("'high_freq_factor' must be greater than 'low_freq_factor'");
    }
  }
  return rope;
}

Result<std::vector<std::int64_t>> read_token_ids(const Json& json, const char* name, std::int64_t vocab_size) {
  std::vector<std::int64_t> ids;
  const Json* value = find(json, name);
  if (value == nullptr) {
    return ids;
  }
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= vocab_size) {
      return bad(std::string("'") + name + "' must hold token ids below vocab_size");
    }
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

// Members that change the computation in ways this program does not follow.
Result<void> refuse_unsupported(const Json& json, const ModelConfig& config) {
  const std::string activation = text_or(json, "hidden_act", "silu");
  if (activation != "silu" && activation != "swish") {
    return bad("hidden_act '" + activation + "' is not supported (silu is)");
  }
  if (find(json, "quantization_config") != nullptr) {
    return bad("quantized weights are not supported: use the model's unquantized folder");
  }
  const Json* window = find(json, "sliding_window");
  const bool windowed = window != nullptr && window->is_number() && text_or(json, "model_type", "") != "llama" &&
                        (config.model_type != "qwen2" || json.value("use_sliding_window", false));
  if (windowed && window->get<double>() < static_cast<double>(config.max_position_embeddings)) {
    return bad("sliding-window attention is not supported: this model has a window of " + window->dump() + " of " +
               std::to_string(config.max_position_embeddings) + " positions");
  }
  const Json* pretraining_tp = find(json, "pretraining_tp");
  if (pretraining_tp != nullptr && *pretraining_tp != 1) {
    return bad("pretraining_tp other than 1 is not supported");
  }
  return {};
}

Result<void> read_sizes(const Json& json, ModelConfig& config) {
  constexpr std::int64_t kLargest = 1 << 24;
  LUTHIER_TRY(config.vocab_size, read_size(json, "vocab_size", std::nullopt, kLargest));
  LUTHIER_TRY(config.hidden_size, read_size(json, "hidden_size", std::nullopt, kLargest));
  LUTHIER_TRY(config.intermediate_size, read_size(json, "intermediate_size", std::nullopt, kLargest));
  LUTHIER_TRY(config.num_hidden_layers, read_size(json, "num_hidden_layers", std::nullopt, 1'024));
  LUTHIER_TRY(config.num_attention_heads, read_size(json, "num_attention_heads", std::nullopt, 4'096));
  LUTHIER_TRY(config.num_key_value_heads,
              read_size(json, "num_key_value_heads", config.num_attention_heads, config.num_attention_heads));
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    return bad("'num_attention_heads' must be a multiple of 'num_key_value_heads'");
  }
  if (find(json, "head_dim") == nullptr && config.hidden_size % config.num_attention_heads != 0) {
    return bad("'hidden_size' must be a multiple of 'num_attention_heads'");
  }
  LUTHIER_TRY(
      config.head_dim,
      read_size(json, "head_dim", std::max<std::int64_t>(1, config.hidden_size / config.num_attention_heads), 4'096));
  if (config.head_dim % 2 != 0) {
    return bad("the size of an attention head must be even, not " + std::to_string(config.head_dim));
  }
  LUTHIER_TRY(config.max_position_embeddings, read_size(json, "max_position_embeddings", 2'048, 1 << 30));
  return {};
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return bad("not a JSON object");
  }
  ModelConfig config;
  config.source = json;
  config.model_type = text_or(json, "model_type", "");
  if (config.model_type != "llama" && config.model_type != "mistral" && config.model_type != "qwen2") {
    return bad("model_type '" + config.model_type + "' is not supported (llama, mistral and qwen2 are)");
  }
  LUTHIER_TRY_VOID(read_sizes(json, config));
  LUTHIER_TRY(config.rms_norm_eps, read_number(json, "rms_norm_eps", 1e-6));
  LUTHIER_TRY(config.rope, read_rope(json));
  LUTHIER_TRY(config.tie_word_embeddings, read_bool(json, "tie_word_embeddings", false));
  LUTHIER_TRY(const bool attention_bias, read_bool(json, "attention_bias", false));
  LUTHIER_TRY(config.mlp_bias, read_bool(json, "mlp_bias", false));
  config.query_key_value_bias = attention_bias || config.model_type == "qwen2";
  config.output_bias = attention_bias && config.model_type == "llama";
  LUTHIER_TRY(config.eos_token_ids, read_token_ids(json, "eos_token_id", config.vocab_size));
  config.dtype = text_or(json, "dtype", text_or(json, "torch_dtype", "").c_str());
  LUTHIER_TRY_VOID(refuse_unsupported(json, config));
  return config;
}

Result<ModelConfig> read_model_config(const std::filesystem::path& model_folder) {
  auto text = read_file(model_folder / "config.json", kConfigBytesMax);
  if (!text) {
    return std::move(text).error().with("this is not a Hugging Face model folder");
  }
  auto config = parse_model_config(*text);
  if (!config) {
    return std::move(config).error().with(model_folder.string());
  }
  return config;
}

std::string config_text(const ModelConfig& config, std::string_view dtype) {
  Json json = config.source;
  json.erase("torch_dtype");
  json["dtype"] = dtype;
  return json.dump(2) + "\n";
}

std::vector<WeightSpec> weight_specs(const ModelConfig& c) {
  std::vector<WeightSpec> specs{{"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}}};
  const std::int64_t query = c.num_attention_heads * c.head_dim;
  const std::int64_t key_value = c.num_key_value_heads * c.head_dim;
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const auto linear = [&](const char* name, std::int64_t out, std::int64_t in, bool bias) {
      specs.push_back({layer + name + ".weight", {out, in}});
      if (bias) {
        specs.push_back({layer + name + ".bias", {out}});
      }
    };
    specs.push_back({layer + "input_layernorm.weight", {c.hidden_size}});
    linear("self_attn.q_proj", query, c.hidden_size, c.query_key_value_bias);
    linear("self_attn.k_proj", key_value, c.hidden_size, c.query_key_value_bias);
    linear("self_attn.v_proj", key_value, c.hidden_size, c.query_key_value_bias);
    linear("self_attn.o_proj", c.hidden_size, query, c.output_bias);
    specs.push_back({layer + "post_attention_layernorm.weight", {c.hidden_size}});
    linear("mlp.gate_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
    linear("mlp.up_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
    linear("mlp.down_proj", c.hidden_size, c.intermediate_size, c.mlp_bias);
  }
  specs.push_back({"model.norm.weight", {c.hidden_size}});
  if (!c.tie_word_embeddings) {
    specs.push_back({"lm_head.weight", {c.vocab_size, c.hidden_size}});
  }
  return specs;
}

std::vector<double> rope_inverse_frequencies(const ModelConfig& config) {
  const Rope& rope = config.rope;
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < config.head_dim / 2; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    double frequency = 1.0 / std::pow(rope.theta, exponent);
    if (rope.kind == RopeKind::kLinear) {
      frequency /= rope.factor;
    } else if (rope.kind == RopeKind::kLlama3) {
      const double wavelength = 2.0 * std::numbers::pi / frequency;
      const double low = rope.original_max_position_embeddings / rope.low_frequency_factor;
      const double high = rope.original_max_position_embeddings / rope.high_frequency_factor;
      if (wavelength > low) {
        frequency /= rope.factor;
      } else if (wavelength >= high) {
        const double smooth = (rope.original_max_position_embeddings / wavelength - rope.low_frequency_factor) /
                              (rope.high_frequency_factor - rope.low_frequency_factor);
        frequency = (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
      }
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

Result<ModelConfig> config_of_new_model(const Json& init, std::int64_t vocab_size, std::int64_t eos_token_id) {
  static const std::set<std::string> known{"architecture",
                                           "tokenizer",
                                           "hidden_size",
                                           "intermediate_size",
                                           "num_hidden_layers",
                                           "num_attention_heads",
                                           "num_key_value_heads",
                                           "max_position_embeddings",
                                           "tie_word_embeddings",
                                           "rope_theta",
                                           "seed"};
  for (const auto& [key, value] : init.items()) {
    if (!known.contains(key)) {
      return Error{ErrorCode::kInvalidArgument, "init: unknown key '" + key + "'"};
    }
  }
  if (text_or(init, "architecture", "llama") != "llama") {
    return Error{ErrorCode::kInvalidArgument, "init: architecture must be \"llama\""};
  }
  Json json = {{"architectures", {"LlamaForCausalLM"}},
               {"model_type", "llama"},
               {"hidden_act", "silu"},
               {"rms_norm_eps", 1e-6},
               {"vocab_size", vocab_size},
               {"attention_bias", false},
               {"mlp_bias", false},
               {"tie_word_embeddings", true},
               {"rope_theta", 10'000.0},
               {"use_cache", true},
               {"initializer_range", 0.02},
               {"bos_token_id", nullptr},
               {"eos_token_id", eos_token_id},
               {"pad_token_id", eos_token_id},
               {"max_position_embeddings", 512}};
  for (const auto& [key, value] : init.items()) {
    if (key != "architecture" && key != "tokenizer" && key != "seed") {
      json[key] = value;
    }
  }
  auto config = parse_model_config(json.dump());
  if (!config) {
    return std::move(config).error().with("init");
  }
  return config;
}

}  // namespace luthier::worker
