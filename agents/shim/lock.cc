#include "agents/shim/lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "agents/shim/records.h"

namespace luthier::shim {
namespace {

// Of the open file, not of the process: closing another descriptor of the same file does not drop it.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<UniqueFd> take_attempt_lock(const std::filesystem::path& attempt_folder) {
  const std::filesystem::path path = attempt_folder / kLockFile;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return Error{ErrorCode::kInternal, "cannot open " + path.string() + ": " + std::strerror(errno)};
  }
  struct flock lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    return Error{ErrorCode::kFailedPrecondition, "another process has " + path.string()};
  }
  return fd;
}

bool attempt_is_locked(const std::filesystem::path& attempt_folder) {
  const UniqueFd fd(::open((attempt_folder / kLockFile).c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock = whole_file();
  return fd.valid() && ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace luthier::shim
