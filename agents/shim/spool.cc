#include "agents/shim/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace luthier::shim {

Result<Spool> Spool::open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    return Error{ErrorCode::kInternal, "cannot open " + path.string() + ": " + std::strerror(errno)};
  }
  return Spool(std::move(fd), path, static_cast<std::uint64_t>(status.st_size));
}

Result<void> Spool::append(std::string_view bytes) {
  dirty_ = true;
  if (auto written = write_all(fd_.get(), bytes); !written) {
    return std::move(written).error().with(path_.string());
  }
  bytes_ += bytes.size();
  return {};
}

Result<void> Spool::sync() {
  if (dirty_ && ::fsync(fd_.get()) != 0) {
    return Error{errno == ENOSPC ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
                 "cannot sync " + path_.string() + ": " + std::strerror(errno)};
  }
  dirty_ = false;
  return {};
}

}  // namespace luthier::shim
