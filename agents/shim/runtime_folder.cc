#include "agents/shim/runtime_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agents/shim/records.h"

namespace luthier::shim {
namespace {

Result<void> make_private_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{ErrorCode::kInternal, "cannot create " + folder.string() + ": " + std::strerror(errno)};
  }
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
      ::chmod(folder.c_str(), 0700) != 0) {
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
  LUTHIER_TRY_VOID(make_private_folder(folder.parent_path()));
  return make_private_folder(folder);
}

void remove_runtime_folder(const std::filesystem::path& folder) {
  for (const char* name : {kControlSocket, kWorkerSocket, kServeSocket}) {
    ::unlink((folder / name).c_str());
  }
  ::rmdir(folder.c_str());
}

}  // namespace luthier::shim
