// Running the program of a step (luthier-prep, luthier-worker) on this machine, without an agent.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace luthier::cli {

// The program of this name beside the running one; kFailedPrecondition when there is none.
[[nodiscard]] Result<std::filesystem::path> find_beside(const std::string& program);

// Runs `program uses` in `folder` on this `with` (docs/worker-protocol.md) and waits for its end. Returns its outputs;
// {} when it said none. kInternal with its own sentence when it fails; its log stays in folder/log.
[[nodiscard]] Result<nlohmann::json> run_step_program(const std::filesystem::path& program, const std::string& uses,
                                                      const nlohmann::json& with, const std::filesystem::path& folder);

}  // namespace luthier::cli
