// The `pack` step of a pipeline: a dataset as shards for a model (docs/pipelines.md).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "pipelines/data/pack/pack_file.h"

namespace luthier::data::pack {

// Packs `with.data` into a dataset in `folder` and gives the step's outputs. kInvalidArgument names the input that is
// wrong, or the record of the data.
struct PackedDataset {
  PackReport report;
  std::uint32_t budget = 0;
  nlohmann::json outputs;
};
[[nodiscard]] Result<PackedDataset> pack_dataset(const nlohmann::json& with, const std::filesystem::path& folder);

}  // namespace luthier::data::pack
