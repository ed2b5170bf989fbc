// What only `run` steps have: files of the repository, a folder to run in, declared outputs (docs/pipelines.md).
#pragma once

#include <filesystem>

#include "agents/core/input.h"
#include "base/result.h"

namespace luthier::agents {

// `work`, or the folder below it that `with.workdir` names. kInvalidArgument when it would lie elsewhere.
[[nodiscard]] Result<std::filesystem::path> command_folder(const std::filesystem::path& work, const Json& with);

// Copies `with.files`, which has been fetched (its "$path" says where to), into `work`, so that the command may change
// them, and makes the command's folder. kInvalidArgument when the files do not have that folder.
[[nodiscard]] Result<void> place_files(const std::filesystem::path& work, const Json& with);

// What the command reported, with what `with.outputs` declares: {"$path", "kind"} of each file or folder, and values
// read from the file `with.values`. kInvalidArgument names the first output that is missing or of another type.
[[nodiscard]] Result<Json> add_declared_outputs(const std::filesystem::path& work, const Json& with, Json reported);

}  // namespace luthier::agents
