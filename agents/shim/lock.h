// The lock that a shim holds on its attempt's folder as long as it lives; the kernel takes it away with the process.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::shim {

// kFailedPrecondition when another process holds it.
[[nodiscard]] Result<UniqueFd> take_attempt_lock(const std::filesystem::path& attempt_folder);

// Whether a shim lives. Looks without taking, so that a shim that starts meanwhile is not disturbed.
[[nodiscard]] bool attempt_is_locked(const std::filesystem::path& attempt_folder);

}  // namespace luthier::shim
