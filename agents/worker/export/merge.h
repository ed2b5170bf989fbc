// Merging: a base and its LoRA adapter as one whole model, W + scale · B · A for each adapted layer.
#pragma once

#include <filesystem>

#include "agents/worker/formats/model_value.h"
#include "base/result.h"

namespace luthier::worker {

// Writes a Hugging Face folder without an adapter into `folder`, which must exist. Every tensor keeps the base's type;
// the sum is made in float32. Tokenizer and configuration are the base's, luthier.json the adapter's. kInvalidArgument
// when the value has no adapter, or the two do not fit.
[[nodiscard]] Result<void> merge_adapter(const ModelValue& model, const std::filesystem::path& folder);

}  // namespace luthier::worker
