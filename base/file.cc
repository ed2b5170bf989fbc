#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/unique_fd.h"

namespace luthier {
namespace {

Error errno_error(const std::string& what, const std::filesystem::path& path) {
  const int code = errno;
  const ErrorCode kind = code == ENOENT   ? ErrorCode::kNotFound
                         : code == EACCES ? ErrorCode::kPermissionDenied
                         : code == ENOSPC ? ErrorCode::kResourceExhausted
                                          : ErrorCode::kInternal;
  return Error{kind, what + " " + path.string() + ": " + std::strerror(code)};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error("cannot open", path);
  }
  std::string content;
  std::string buffer(std::size_t{1} << 16, '\0');
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("cannot read", path);
    }
    if (count == 0) {
      return content;
    }
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > bytes_max) {
      return Error{ErrorCode::kResourceExhausted,
                   path.string() + " is larger than the limit of " + std::to_string(bytes_max) + " bytes"};
    }
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return Error{errno == ENOSPC ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
                   std::string("cannot write: ") + std::strerror(errno)};
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const std::filesystem::path target = folder.empty() ? std::filesystem::path(".") : folder;
  const UniqueFd fd(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) {
    return errno_error("cannot sync folder", target);
  }
  return {};
}

namespace {

Result<void> replace(const std::filesystem::path& path, std::string_view content, unsigned mode, bool durable) {
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + std::to_string(::getpid());
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd.valid()) {
      return errno_error("cannot create", temporary);
    }
    if (auto written = write_all(fd.get(), content); !written) {
      ::unlink(temporary.c_str());
      return std::move(written).error().with(temporary.string());
    }
    if (::fchmod(fd.get(), mode) != 0 || (durable && ::fsync(fd.get()) != 0)) {
      const Error error = errno_error("cannot sync", temporary);
      ::unlink(temporary.c_str());
      return error;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = errno_error("cannot rename to", path);
    ::unlink(temporary.c_str());
    return error;
  }
  return {};
}

}  // namespace

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  if (auto replaced = replace(path, content, mode, true); !replaced) {
    return replaced;
  }
  return sync_folder(path.parent_path());
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return replace(path, content, mode, false);
}

Result<void> create_folders(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) {
    return Error{ErrorCode::kInternal, "cannot create folder " + path.string() + ": " + code.message()};
  }
  return {};
}

}  // namespace luthier
