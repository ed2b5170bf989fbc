// Private to backup.cc: copying and checking single files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::controller {

struct Copied {
  std::string digest;
  std::uint64_t bytes = 0;
};

[[nodiscard]] Result<Copied> hash_file(const std::filesystem::path& file);
// Copies durably, with the source's mode, by way of TO.partial; a target that has the right bytes already is left as it
// is. kDataLoss when the bytes do not have the `digest` (empty: any). `links`: a hard link when it can be made.
[[nodiscard]] Result<Copied> copy_file(const std::filesystem::path& from, const std::filesystem::path& to,
                                       const std::string& digest, bool links);
// What a blob's or manifest's name says of its bytes; empty for other files.
[[nodiscard]] std::string expected_digest(const std::filesystem::path& path);
// As long as this is held no artifact is collected (controller/artifacts).
[[nodiscard]] Result<UniqueFd> hold_collection(const std::filesystem::path& artifacts);
// kDataLoss names the first artifact that is damaged or lacks a blob.
[[nodiscard]] Result<void> check_artifacts(const std::filesystem::path& artifacts);

}  // namespace luthier::controller
