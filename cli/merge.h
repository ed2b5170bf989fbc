// Merging a base and an adapter on this machine, by the luthier-worker beside this program.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace luthier::cli {

// kFailedPrecondition, saying what to do, when there is none.
[[nodiscard]] Result<std::filesystem::path> find_worker();

// Merges parts/base and parts/adapter into `folder` and removes `parts`. The worker's own sentence when it fails.
[[nodiscard]] Result<void> merge_parts(const std::filesystem::path& worker, const std::filesystem::path& parts,
                                       const std::filesystem::path& folder);

}  // namespace luthier::cli
