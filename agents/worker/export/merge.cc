#include "agents/worker/export/merge.h"

#include "agents/worker/formats/adapter_config.h"
#include "agents/worker/formats/model_config.h"
#include "agents/worker/model/tensor_files.h"
#include "agents/worker/verbs.h"
#include "base/file.h"

namespace luthier::worker {
namespace {

namespace fs = std::filesystem;

// All tensors of a base: of its one file, or of the shards that its index names.
Result<NamedTensors> load_base(const fs::path& folder) {
  std::error_code ignored;
  const fs::path index = folder / "model.safetensors.index.json";
  if (!fs::exists(index, ignored)) {
    return load_all_tensors(folder / "model.safetensors");
  }
  LUTHIER_TRY(const std::string text, read_file(index));
  const Json json = Json::parse(text, nullptr, false);
  const Json map = json.is_object() ? json.value("weight_map", Json()) : Json();
  if (!map.is_object()) {
    return Error{ErrorCode::kInvalidArgument, index.string() + " has no weight_map"};
  }
  std::map<std::string, bool> shards;
  for (const auto& [name, shard] : map.items()) {
    // A shard is a plain name beside the index, never a path.
    if (!shard.is_string() || fs::path(shard.get<std::string>()).filename() != shard.get<std::string>()) {
      return Error{ErrorCode::kInvalidArgument, index.string() + ": the shard of " + name + " is no file name"};
    }
    shards[shard.get<std::string>()] = true;
  }
  NamedTensors all;
  for (const auto& [shard, wanted] : shards) {
    LUTHIER_TRY(NamedTensors part, load_all_tensors(folder / shard));
    all.merge(part);
  }
  return all;
}

Result<void> add_adapter(const AdapterConfig& config, const NamedTensors& adapter, NamedTensors& weights) {
  const std::string before = "base_model.model.";
  const std::string after = ".lora_A.weight";
  for (const auto& [name, a] : adapter) {
    if (!name.ends_with(after)) {
      continue;
    }
    const std::string module = name.substr(0, name.size() - after.size());
    const auto b = adapter.find(module + ".lora_B.weight");
    const auto weight = weights.find(module.substr(std::min(before.size(), module.size())) + ".weight");
    if (!module.starts_with(before) || b == adapter.end() || weight == weights.end()) {
      return Error{ErrorCode::kInvalidArgument, "adapter tensor " + name + " belongs to no weight of the base"};
    }
    const at::Tensor delta = b->second.to(at::kFloat).matmul(a.to(at::kFloat)) * config.scale();
    if (delta.sizes() != weight->second.sizes()) {
      return Error{ErrorCode::kInvalidArgument, "adapter tensor " + name + " has another shape than the base's weight"};
    }
    weight->second = (weight->second.to(at::kFloat) + delta).to(weight->second.scalar_type());
  }
  return {};
}

Result<void> copy_others(const ModelValue& model, const fs::path& folder) {
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(model.base, failure)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.ends_with(".safetensors") && !name.ends_with(".index.json")) {
      fs::copy_file(entry.path(), folder / name, fs::copy_options::overwrite_existing, failure);
    }
    if (failure) {
      break;
    }
  }
  std::error_code ignored;
  const fs::path templates = "additional_chat_templates";
  if (!failure && fs::is_directory(model.base / templates, ignored)) {
    fs::copy(model.base / templates, folder / templates, fs::copy_options::overwrite_existing, failure);
  }
  for (const char* name : {"luthier.json", "chat_template.jinja"}) {
    if (!failure && fs::exists(*model.adapter / name, ignored)) {
      fs::copy_file(*model.adapter / name, folder / name, fs::copy_options::overwrite_existing, failure);
    }
  }
  if (failure) {
    return Error{ErrorCode::kInternal, "copying to " + folder.string() + ": " + failure.message()};
  }
  return {};
}

}  // namespace

Result<void> merge_adapter(const ModelValue& model, const fs::path& folder) {
  if (!model.adapter) {
    return Error{ErrorCode::kInvalidArgument, "there is nothing to merge: the model has no adapter"};
  }
  const at::NoGradGuard no_grad;
  LUTHIER_TRY(const AdapterConfig config, read_adapter_config(*model.adapter));
  LUTHIER_TRY(NamedTensors weights, load_base(model.base));
  LUTHIER_TRY(const NamedTensors adapter, load_all_tensors(*model.adapter / "adapter_model.safetensors"));
  LUTHIER_TRY_VOID(add_adapter(config, adapter, weights));
  LUTHIER_TRY_VOID(copy_others(model, folder));
  return save_tensors(folder / "model.safetensors", weights, {{"format", "pt"}});
}

Result<nlohmann::json> run_merge(const VerbContext& context) {
  LUTHIER_TRY(const ModelValue model, parse_model_value(context.job.with.value("model", nlohmann::json()), "model"));
  LUTHIER_TRY_VOID(create_folders("merged"));
  LUTHIER_TRY_VOID(merge_adapter(model, "merged"));
  return nlohmann::json{{"model", {{"$path", "merged"}, {"kind", "model"}}}};
}

}  // namespace luthier::worker
