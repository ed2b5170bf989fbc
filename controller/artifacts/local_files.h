// Private to controller/artifacts: names and times of files on local disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::artifacts {

inline constexpr std::string_view kDigestPrefix = "sha256:";
// In the artifacts' folder: held shared by a backup, alone by a collection (flock).
inline constexpr const char* kCollectLock = "collect.lock";

[[nodiscard]] Error errno_error(const std::string& what, const std::filesystem::path& path);
[[nodiscard]] Result<void> check_digest(const std::string& digest);
// Below `folder`, in a subfolder by the first two digits; the digest was checked before.
[[nodiscard]] std::filesystem::path sharded(const std::filesystem::path& folder, const std::string& digest,
                                            std::string_view suffix = "");
// Sets the file's time to now; false when it is not there.
bool renew_lease(const std::filesystem::path& path);
// `kind` as of flock(). kFailedPrecondition when somebody else holds it otherwise.
[[nodiscard]] Result<UniqueFd> take_collect_lock(const std::filesystem::path& file, int kind);

}  // namespace luthier::artifacts
