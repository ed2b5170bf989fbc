// Tokens of trainings to come, for `luthier plan`: counted on this machine where the data is local or already on the
// controller, and the tokenizer is known or made from that data.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/pipeline_file.h"

namespace luthier::cli {

// Of each train step of the forecast (POST /api/v1/plans) whose tokens the controller does not know: {"STEP": {"value":
// count or null, "why": what it rests on, or why there is none}}. `plan`: the file's, made offline. Runs luthier-prep
// on local data of at most 32 MiB; tokenizers are kept in the user's cache folder.
[[nodiscard]] Json count_plan_tokens(ApiClient& api, const PipelineFile& file, const plan::Plan& plan,
                                     const Json& forecast);

}  // namespace luthier::cli
