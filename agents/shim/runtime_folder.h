// The short folder that holds an attempt's sockets: BASE/NONCE, where BASE is /tmp/luthier-UID unless
// LUTHIER_RUNTIME_DIR says otherwise. Both must belong to this user; BASE can be passed by others, but not listed.
#pragma once

#include <filesystem>
#include <string>

#include "base/child_process.h"
#include "base/result.h"

namespace luthier::shim {

[[nodiscard]] std::filesystem::path runtime_folder_for(const std::string& nonce);

// Creates the folder and its parent. kPermissionDenied when one is there and is not a folder of this user.
[[nodiscard]] Result<void> make_runtime_folder(const std::filesystem::path& folder);
// Lets this user through to its sockets, and make some there, but neither list nor replace what is not its own.
[[nodiscard]] Result<void> open_runtime_folder(const std::filesystem::path& folder, const ChildUser& user);

// Removes the sockets and the folder; silent when it is gone.
void remove_runtime_folder(const std::filesystem::path& folder);

}  // namespace luthier::shim
