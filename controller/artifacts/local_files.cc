#include "controller/artifacts/local_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/digest/digest.h"

namespace luthier::artifacts {

Error errno_error(const std::string& what, const std::filesystem::path& path) {
  const int code = errno;
  return Error{code == ENOSPC || code == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
               what + " " + path.string() + ": " + std::strerror(code)};
}

Result<void> check_digest(const std::string& digest) {
  if (!is_sha256_digest(digest)) {
    return Error{ErrorCode::kInvalidArgument, "'" + digest.substr(0, 100) + "' is not sha256: and 64 hex digits"};
  }
  return {};
}

std::filesystem::path sharded(const std::filesystem::path& folder, const std::string& digest, std::string_view suffix) {
  LUTHIER_CHECK(is_sha256_digest(digest));
  const std::string hex = digest.substr(kDigestPrefix.size());
  std::filesystem::path path = folder / hex.substr(0, 2) / hex;
  path += suffix;
  return path;
}

bool renew_lease(const std::filesystem::path& path) {
  return ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<UniqueFd> take_collect_lock(const std::filesystem::path& file, int kind) {
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return errno_error("cannot open", file);
  }
  if (::flock(lock.get(), kind | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK
               ? Error{ErrorCode::kFailedPrecondition,
                       kind == LOCK_EX
                           ? "a backup, or another collection, is at work on " + file.parent_path().string() +
                                 "; try again when it is done"
                           : "a collection is at work on " + file.parent_path().string() + "; try again in a moment"}
               : errno_error("cannot lock", file);
  }
  return lock;
}

}  // namespace luthier::artifacts
