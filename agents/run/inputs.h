// Inputs of a step: artifacts fetched, job.json written (docs/worker-protocol.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agents/core/input.h"
#include "agents/run/cache.h"

namespace luthier::agents {

// Fetches every {"$artifact"} of the assignment and its resume artifact into the cache and writes job.json. For a
// `run` step each of `with.inputs` that is an artifact also becomes a link work/inputs/NAME, and its files are copied
// to work/. The error's code says whether the store lacks an artifact (kNotFound), the disk is full
// (kResourceExhausted)…
[[nodiscard]] Result<void> prepare_inputs(const std::filesystem::path& attempt_folder, const Assignment& assignment,
                                          ArtifactCache& cache, const Cancel& cancel);

// Every digest that stands in `with` as {"$artifact"}, and the resume artifact.
[[nodiscard]] std::vector<std::string> artifacts_of(const Assignment& assignment);

// What is given to libraries as their number of threads: the allocated cores, rounded up, at least 1.
[[nodiscard]] int thread_count(const Assignment& assignment);

}  // namespace luthier::agents
