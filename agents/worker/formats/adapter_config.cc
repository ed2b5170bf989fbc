#include "agents/worker/formats/adapter_config.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/file.h"

namespace luthier::worker {
namespace {

constexpr std::uint64_t kConfigBytesMax = 16u << 20;

Error bad(const std::string& what) { return {ErrorCode::kInvalidArgument, what}; }

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Result<void> read_rank(const Json& value, std::int64_t& r) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > 4'096) {
    return bad("r must be a whole number from 1 to 4096, not " + value.dump());
  }
  r = value.get<std::int64_t>();
  return {};
}

Result<void> read_alpha(const Json& value, double& alpha) {
  if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0) {
    return bad("alpha must be a positive number, not " + value.dump());
  }
  alpha = value.get<double>();
  return {};
}

Result<void> read_dropout(const Json& value, double& dropout) {
  if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() < 1)) {
    return bad("dropout must be at least 0 and less than 1, not " + value.dump());
  }
  dropout = value.get<double>();
  return {};
}

// A list of names, one name, or "all-linear".
Result<void> read_targets(const Json& value, std::vector<std::string>& targets) {
  if (value.is_string() && value == "all-linear") {
    targets = lora_target_names();
    return {};
  }
  const Json list = value.is_array() ? value : Json::array({value});
  targets.clear();
  for (const Json& name : list) {
    const auto& known = lora_target_names();
    if (!name.is_string() || std::find(known.begin(), known.end(), name.get<std::string>()) == known.end()) {
      return bad("target_modules: " + name.dump() + " is not one of " + joined(known));
    }
    targets.push_back(name.get<std::string>());
  }
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  if (targets.empty()) {
    return bad("target_modules must name at least one of " + joined(lora_target_names()));
  }
  return {};
}

// Some readers of the format take whole numbers only.
Json whole_or_real(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

bool is_set(const Json* value) {
  if (value == nullptr || *value == false) {
    return false;
  }
  return !((value->is_array() || value->is_object()) && value->empty());
}

Result<void> refuse_unsupported(const Json& json) {
  if (json.value("peft_type", "") != "LORA") {
    return bad("adapters of type " + json.value("peft_type", Json("")).dump() + " are not supported (LORA is)");
  }
  for (const char* name :
       {"use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform", "fan_in_fan_out",
        "megatron_config", "lora_bias", "trainable_token_indices", "exclude_modules", "target_parameters",
        "layer_replication", "use_qalora", "use_bdlora", "alora_invocation_tokens"}) {
    if (is_set(find(json, name))) {
      return bad(std::string("'") + name + "' is not supported");
    }
  }
  const Json* bias = find(json, "bias");
  if (bias != nullptr && *bias != "none") {
    return bad("'bias' other than \"none\" is not supported");
  }
  return {};
}

Result<AdapterConfig> parse(const Json& json) {
  if (!json.is_object()) {
    return bad("not a JSON object");
  }
  LUTHIER_TRY_VOID(refuse_unsupported(json));
  AdapterConfig config;
  for (const char* name : {"r", "lora_alpha", "target_modules"}) {
    if (find(json, name) == nullptr) {
      return bad(std::string("'") + name + "' is missing");
    }
  }
  LUTHIER_TRY_VOID(read_rank(json["r"], config.r));
  LUTHIER_TRY_VOID(read_alpha(json["lora_alpha"], config.alpha));
  if (const Json* dropout = find(json, "lora_dropout")) {
    LUTHIER_TRY_VOID(read_dropout(*dropout, config.dropout));
  }
  LUTHIER_TRY_VOID(read_targets(json["target_modules"], config.target_modules));
  config.use_rslora = is_set(find(json, "use_rslora"));
  if (const Json* base = find(json, "base_model_name_or_path"); base != nullptr && base->is_string()) {
    config.base_model_name = base->get<std::string>();
  }
  return config;
}

}  // namespace

const std::vector<std::string>& lora_target_names() {
  static const std::vector<std::string> names{"down_proj", "gate_proj", "k_proj", "o_proj",
                                              "q_proj",    "up_proj",   "v_proj"};
  return names;
}

double AdapterConfig::scale() const {
  const auto rank = static_cast<double>(r);
  return alpha / (use_rslora ? std::sqrt(rank) : rank);
}

Result<AdapterConfig> parse_lora_options(const Json& lora) {
  if (!lora.is_object()) {
    return bad("lora must be an object: {r, alpha, dropout, target_modules}");
  }
  AdapterConfig config;
  config.target_modules = lora_target_names();
  std::optional<double> alpha;
  for (const auto& [key, value] : lora.items()) {
    Result<void> read;
    if (key == "r") {
      read = read_rank(value, config.r);
    } else if (key == "alpha") {
      alpha.emplace();
      read = read_alpha(value, *alpha);
    } else if (key == "dropout") {
      read = read_dropout(value, config.dropout);
    } else if (key == "target_modules") {
      read = read_targets(value, config.target_modules);
    } else {
      read = bad("unknown key '" + key + "' (known: r, alpha, dropout, target_modules)");
    }
    if (!read) {
      return std::move(read).error().with("lora");
    }
  }
  config.alpha = alpha.value_or(2.0 * static_cast<double>(config.r));
  return config;
}

Result<AdapterConfig> parse_adapter_config(std::string_view text) {
  auto config = parse(Json::parse(text, nullptr, /*allow_exceptions=*/false));
  if (!config) {
    return std::move(config).error().with("adapter_config.json");
  }
  return config;
}

Result<AdapterConfig> read_adapter_config(const std::filesystem::path& adapter_folder) {
  auto text = read_file(adapter_folder / "adapter_config.json", kConfigBytesMax);
  if (!text) {
    return std::move(text).error().with("this is not a PEFT adapter folder");
  }
  auto config = parse_adapter_config(*text);
  if (!config) {
    return std::move(config).error().with(adapter_folder.string());
  }
  return config;
}

std::string adapter_config_text(const AdapterConfig& config) {
  const Json json = {{"peft_type", "LORA"},
                     {"task_type", "CAUSAL_LM"},
                     {"base_model_name_or_path", config.base_model_name},
                     {"r", config.r},
                     {"lora_alpha", whole_or_real(config.alpha)},
                     {"lora_dropout", config.dropout},
                     {"target_modules", config.target_modules},
                     {"bias", "none"},
                     {"use_rslora", config.use_rslora},
                     {"use_dora", false},
                     {"modules_to_save", nullptr},
                     {"fan_in_fan_out", false},
                     {"inference_mode", true},
                     {"init_lora_weights", true},
                     {"rank_pattern", Json::object()},
                     {"alpha_pattern", Json::object()},
                     {"layers_to_transform", nullptr},
                     {"layers_pattern", nullptr},
                     {"revision", nullptr}};
  return json.dump(2) + "\n";
}

std::vector<WeightSpec> adapter_weight_specs(const AdapterConfig& adapter, const ModelConfig& model) {
  std::vector<WeightSpec> specs;
  const std::string suffix = ".weight";
  for (const WeightSpec& weight : weight_specs(model)) {
    for (const std::string& target : adapter.target_modules) {
      const std::string ending = "." + target + suffix;
      if (weight.name.size() > ending.size() && weight.name.ends_with(ending)) {
        const std::string module = "base_model.model." + weight.name.substr(0, weight.name.size() - suffix.size());
        specs.push_back({module + ".lora_A.weight", {adapter.r, weight.shape[1]}});
        specs.push_back({module + ".lora_B.weight", {weight.shape[0], adapter.r}});
      }
    }
  }
  return specs;
}

}  // namespace luthier::worker
