// Between safetensors files and LibTorch tensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agents/worker/formats/model_config.h"
#include "agents/worker/model/torch_headers.h"
#include "base/result.h"

namespace luthier::worker {

using NamedTensors = std::map<std::string, at::Tensor>;

// Reads model.safetensors, or the shards that model.safetensors.index.json names, and gives every weight that
// weight_specs(config) asks for, as a copy in `dtype` on the CPU. A weight that is missing, has another shape,
// is not a floating-point tensor, or is unknown to the architecture is an error that names it and its file.
[[nodiscard]] Result<NamedTensors> load_model_weights(const std::filesystem::path& folder, const ModelConfig& config,
                                                      at::ScalarType dtype);

// The same for one file and an exact list of tensors, all as float32.
[[nodiscard]] Result<NamedTensors> load_tensors(const std::filesystem::path& file,
                                                const std::vector<WeightSpec>& specs);

// All tensors of a file, as they are.
[[nodiscard]] Result<NamedTensors> load_all_tensors(const std::filesystem::path& file);

// Durable; see write_safetensors().
[[nodiscard]] Result<void> save_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                                        std::map<std::string, std::string> metadata = {});

// "float32" or "bfloat16" (what a job may ask for); kInvalidArgument otherwise.
[[nodiscard]] Result<at::ScalarType> parse_dtype(const std::string& name);
[[nodiscard]] std::string dtype_text(at::ScalarType dtype);

}  // namespace luthier::worker
