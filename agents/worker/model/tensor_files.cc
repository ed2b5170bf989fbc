#include "agents/worker/model/tensor_files.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "agents/worker/formats/safetensors.h"
#include "base/file.h"

namespace luthier::worker {
namespace {

constexpr std::uint64_t kIndexBytesMax = 100'000'000;
constexpr std::size_t kShardsMax = 10'000;

constexpr std::pair<Dtype, at::ScalarType> kDtypes[] = {
    {Dtype::kBool, at::kBool}, {Dtype::kU8, at::kByte},   {Dtype::kI8, at::kChar},  {Dtype::kI16, at::kShort},
    {Dtype::kI32, at::kInt},   {Dtype::kI64, at::kLong},  {Dtype::kF16, at::kHalf}, {Dtype::kBF16, at::kBFloat16},
    {Dtype::kF32, at::kFloat}, {Dtype::kF64, at::kDouble}};

at::ScalarType scalar_type(Dtype dtype) {
  for (const auto& [ours, theirs] : kDtypes) {
    if (ours == dtype) {
      return theirs;
    }
  }
  LUTHIER_CHECK(false);
  return at::kFloat;
}

Dtype file_dtype(at::ScalarType dtype) {
  for (const auto& [ours, theirs] : kDtypes) {
    if (theirs == dtype) {
      return ours;
    }
  }
  LUTHIER_CHECK(false);
  return Dtype::kF32;
}

// A copy: allocations of LibTorch are aligned the same way every time, a mapped file's tensors are not, and the
// results of matrix products may depend on alignment.
at::Tensor copy_of(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::TensorOptions().dtype(scalar_type(view.dtype)));
  if (!view.bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  }
  return tensor;
}

Result<at::Tensor> converted(const std::string& name, const TensorView& view, const WeightSpec& spec,
                             at::ScalarType dtype) {
  if (view.shape != spec.shape) {
    return Error{ErrorCode::kInvalidArgument, "tensor '" + name + "' has shape " + shape_text(view.shape) +
                                                  ", the configuration asks for " + shape_text(spec.shape)};
  }
  if (!at::isFloatingType(scalar_type(view.dtype))) {
    return Error{ErrorCode::kInvalidArgument, "tensor '" + name + "' has dtype " + std::string(dtype_name(view.dtype)) +
                                                  ": only floating-point weights are supported"};
  }
  return copy_of(view).to(dtype);
}

// Left over by other programs; they carry nothing that the configuration does not say.
bool may_be_ignored(const std::string& name, const ModelConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tie_word_embeddings && name == "lm_head.weight");
}

Result<std::vector<std::filesystem::path>> shard_paths(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto index_path = folder / "model.safetensors.index.json";
  if (std::filesystem::exists(folder / "model.safetensors", ignored) || !std::filesystem::exists(index_path, ignored)) {
    return std::vector{folder / "model.safetensors"};
  }
  LUTHIER_TRY(const std::string text, read_file(index_path, kIndexBytesMax));
  const Json index = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object()) {
    return Error{ErrorCode::kInvalidArgument, index_path.string() + ": there is no object 'weight_map'"};
  }
  std::set<std::string> names;
  for (const auto& [tensor, shard] : map->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with(".")) {
      return Error{ErrorCode::kInvalidArgument, index_path.string() + ": tensor '" + tensor + "' is in " +
                                                    shard.dump() +
                                                    ", which is not the plain name of a file in the same folder"};
    }
    names.insert(name);
  }
  if (names.size() > kShardsMax) {
    return Error{ErrorCode::kInvalidArgument, index_path.string() + ": too many shards"};
  }
  std::vector<std::filesystem::path> paths;
  for (const std::string& name : names) {
    paths.push_back(folder / name);
  }
  return paths;
}

Result<void> load_shard(const std::filesystem::path& path, const std::map<std::string, WeightSpec>& wanted,
                        const ModelConfig* config, at::ScalarType dtype, NamedTensors& loaded) {
  LUTHIER_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  for (const auto& [name, view] : file.tensors()) {
    const auto spec = wanted.find(name);
    if (spec == wanted.end()) {
      if (config != nullptr && may_be_ignored(name, *config)) {
        continue;
      }
      return Error{ErrorCode::kInvalidArgument,
                   path.string() + ": tensor '" + name +
                       "' is unknown to this architecture: the configuration does not describe these weights, "
                       "or the model has parts that are not supported"};
    }
    auto tensor = converted(name, view, spec->second, dtype);
    if (!tensor) {
      return std::move(tensor).error().with(path.string());
    }
    if (!loaded.emplace(name, std::move(*tensor)).second) {
      return Error{ErrorCode::kInvalidArgument, path.string() + ": tensor '" + name + "' is in two shards"};
    }
  }
  return {};
}

std::map<std::string, WeightSpec> by_name(const std::vector<WeightSpec>& specs) {
  std::map<std::string, WeightSpec> named;
  for (const WeightSpec& spec : specs) {
    named.emplace(spec.name, spec);
  }
  return named;
}

Result<void> check_complete(const std::map<std::string, WeightSpec>& wanted, const NamedTensors& loaded,
                            const std::filesystem::path& where) {
  for (const auto& [name, spec] : wanted) {
    if (!loaded.contains(name)) {
      return Error{ErrorCode::kInvalidArgument, where.string() + ": tensor '" + name + "' is missing"};
    }
  }
  return {};
}

}  // namespace

Result<NamedTensors> load_model_weights(const std::filesystem::path& folder, const ModelConfig& config,
                                        at::ScalarType dtype) {
  const auto wanted = by_name(weight_specs(config));
  LUTHIER_TRY(const auto paths, shard_paths(folder));
  NamedTensors loaded;
  for (const auto& path : paths) {
    LUTHIER_TRY_VOID(load_shard(path, wanted, &config, dtype, loaded));
  }
  LUTHIER_TRY_VOID(check_complete(wanted, loaded, folder));
  return loaded;
}

Result<NamedTensors> load_tensors(const std::filesystem::path& file, const std::vector<WeightSpec>& specs) {
  const auto wanted = by_name(specs);
  NamedTensors loaded;
  LUTHIER_TRY_VOID(load_shard(file, wanted, nullptr, at::kFloat, loaded));
  LUTHIER_TRY_VOID(check_complete(wanted, loaded, file));
  return loaded;
}

Result<NamedTensors> load_all_tensors(const std::filesystem::path& path) {
  LUTHIER_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
  NamedTensors loaded;
  for (const auto& [name, view] : file.tensors()) {
    loaded.emplace(name, copy_of(view));
  }
  return loaded;
}

Result<void> save_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                          std::map<std::string, std::string> metadata) {
  std::vector<at::Tensor> kept;  // the views below borrow from these
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
    kept.push_back(plain);
    views[name] = {file_dtype(plain.scalar_type()),
                   plain.sizes().vec(),
                   {static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()}};
  }
  return write_safetensors(file, views, std::move(metadata));
}

Result<at::ScalarType> parse_dtype(const std::string& name) {
  if (name == "float32") {
    return at::kFloat;
  }
  if (name == "bfloat16") {
    return at::kBFloat16;
  }
  return Error{ErrorCode::kInvalidArgument, "dtype must be \"float32\" or \"bfloat16\", not \"" + name + "\""};
}

std::string dtype_text(at::ScalarType dtype) { return dtype == at::kBFloat16 ? "bfloat16" : "float32"; }

}  // namespace luthier::worker
