// The folder of one attempt, DATA/attempts/RUN.STEP.NUMBER/:
//
//   attempt.json   the assignment and the attempt's nonce; its presence makes the folder an attempt
//   stop.json      why the process is being stopped, once it is
//   job.json       what the process reads (docs/worker-protocol.md)
//   work/          the process's working folder
//   launch.json, shim.*, started.json, exit.json, spool/    between agent and shim (agents/shim/records.h)
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agents/core/input.h"
#include "base/result.h"

namespace luthier::agents {

// "r-1.train.2"; characters of a step's name that are not safe in a file name become '_', with a hash of the name
// behind, so that two steps never share a folder.
[[nodiscard]] std::string attempt_folder_name(const AttemptId& attempt);

struct AttemptFile {
  Assignment assignment;
  std::string nonce;
};

// Creates the folder and writes attempt.json, durably. Keeps the nonce of a folder that is there already.
[[nodiscard]] Result<AttemptFile> create_attempt_folder(const std::filesystem::path& folder,
                                                        const Assignment& assignment);
[[nodiscard]] Result<AttemptFile> read_attempt_file(const std::filesystem::path& folder);

[[nodiscard]] Result<void> write_stop_reason(const std::filesystem::path& folder, StopReason reason);
[[nodiscard]] std::optional<StopReason> read_stop_reason(const std::filesystem::path& folder);

// Folders below `attempts` that are attempts; others (a removal that was cut off) are deleted.
[[nodiscard]] std::vector<std::filesystem::path> list_attempt_folders(const std::filesystem::path& attempts);

// Deletes the folder so that a crash in between leaves nothing that looks like an attempt.
void remove_attempt_folder(const std::filesystem::path& folder);

[[nodiscard]] Json to_json(const Assignment& assignment);
[[nodiscard]] Result<Assignment> assignment_from_json(const Json& json);

}  // namespace luthier::agents
