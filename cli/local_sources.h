// What the files that a pipeline names would be as artifacts, without sending them anywhere.
#pragma once

#include "cli/api_client.h"
#include "cli/pipeline_file.h"

namespace luthier::cli {

// Text of each path to the digest that its artifact would have. kInvalidArgument for a path that names nothing, or for
// params that are missing.
[[nodiscard]] Result<Json> local_sources(const PipelineFile& file);

}  // namespace luthier::cli
