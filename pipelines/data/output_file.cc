#include "pipelines/data/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace luthier::data {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

Error failed(const char* what, const std::filesystem::path& path) {
  return {errno == ENOSPC ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
          std::string(what) + " " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

Result<OutputFile> OutputFile::create(std::filesystem::path path) {
  std::filesystem::path temporary = path;
  temporary.replace_filename("." + path.filename().string() + ".tmp-" + std::to_string(::getpid()));
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) {
    return failed("cannot create", temporary);
  }
  return OutputFile(std::move(path), std::move(temporary), std::move(fd));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      buffer_(std::move(other.buffer_)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) {
    (void)::unlink(temporary_.c_str());
  }
}

Result<void> OutputFile::append(std::string_view bytes) {
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? Result<void>() : flush();
}

Result<void> OutputFile::flush() {
  auto written = write_all(fd_.get(), buffer_);
  buffer_.clear();
  return written ? Result<void>() : Result<void>(std::move(written).error().with(path_.string()));
}

Result<void> OutputFile::commit() {
  LUTHIER_TRY_VOID(flush());
  if (::fsync(fd_.get()) != 0) {
    return failed("cannot sync", temporary_);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return failed("cannot rename to", path_);
  }
  temporary_.clear();
  return sync_folder(path_.parent_path());
}

}  // namespace luthier::data
