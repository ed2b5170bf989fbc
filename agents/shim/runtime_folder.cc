#include "agents/shim/runtime_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agents/shim/records.h"

namespace luthier::shim {
namespace {

Result<void> make_own_folder(const std::filesystem::path& folder, mode_t mode) {
  if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) {
    return Error{ErrorCode::kInternal, "cannot create " + folder.string() + ": " + std::strerror(errno)};
  }
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
      ::chmod(folder.c_str(), mode) != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 folder.string() + " is not a folder of this user; remove it, or set LUTHIER_RUNTIME_DIR"};
  }
  return {};
}

}  // namespace

std::filesystem::path runtime_folder_for(const std::string& nonce) {
  const char* chosen = std::getenv("LUTHIER_RUNTIME_DIR");
  const std::filesystem::path base = chosen != nullptr && *chosen != '\0'
                                         ? std::filesystem::path(chosen)
                                         : std::filesystem::path("/tmp/luthier-" + std::to_string(::geteuid()));
  return base / nonce.substr(0, 16);
}

Result<void> make_runtime_folder(const std::filesystem::path& folder) {
  // Others may pass, who know a name that cannot be guessed.
  LUTHIER_TRY_VOID(make_own_folder(folder.parent_path(), 0711));
  return make_own_folder(folder, 0700);
}

Result<void> open_runtime_folder(const std::filesystem::path& folder, const ChildUser& user) {
  constexpr mode_t kSticky = 01730;
  const std::filesystem::path socket = folder / kWorkerSocket;
  if (::chown(folder.c_str(), ::geteuid(), user.gid) != 0 || ::chmod(folder.c_str(), kSticky) != 0 ||
      ::chown(socket.c_str(), user.uid, user.gid) != 0 || ::chmod(socket.c_str(), 0600) != 0) {
    return Error{ErrorCode::kInternal,
                 "cannot open " + folder.string() + " to the step's user: " + std::strerror(errno)};
  }
  return {};
}

void remove_runtime_folder(const std::filesystem::path& folder) {
  for (const char* name : {kControlSocket, kWorkerSocket, kServeSocket}) {
    ::unlink((folder / name).c_str());
  }
  ::rmdir(folder.c_str());
}

}  // namespace luthier::shim
