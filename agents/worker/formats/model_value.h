// ModelValue: a model as jobs name it, {"base": artifact, "adapter": artifact or null, "name": str or null}.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace luthier::worker {

struct ModelValue {
  std::filesystem::path base;
  std::optional<std::filesystem::path> adapter;
  std::string name;              // may be empty
  nlohmann::json base_artifact;  // {"$artifact": …, "kind": …}: to pass on as an output; null when unknown
};

// kInvalidArgument, naming `where`, when `json` is not a model value.
[[nodiscard]] Result<ModelValue> parse_model_value(const nlohmann::json& json, const std::string& where);

}  // namespace luthier::worker
