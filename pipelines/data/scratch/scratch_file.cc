#include "pipelines/data/scratch/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"

namespace luthier::data::scratch {

Result<std::unique_ptr<ScratchFile>> ScratchFile::create(const std::filesystem::path& folder) {
  std::string name = (folder / "luthier-scratch-XXXXXX").string();
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return Error{ErrorCode::kUnavailable,
                 "a temporary file in " + folder.string() + " cannot be made: " + std::strerror(errno)};
  }
  ::unlink(name.c_str());
  return std::unique_ptr<ScratchFile>(new ScratchFile(std::move(fd), folder));
}

Result<void> ScratchFile::append(const void* bytes, std::size_t size) {
  auto written = write_all(fd_.get(), {static_cast<const char*>(bytes), size});
  if (!written) {
    return Error{ErrorCode::kResourceExhausted, "writing temporary data in " + folder_.string() + ": " +
                                                    written.error().message + "; TMPDIR names another folder"};
  }
  size_ += size;
  return {};
}

Result<void> ScratchFile::write(std::uint64_t offset, const void* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t put =
        ::pwrite(fd_.get(), static_cast<const char*>(bytes) + done, size - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return Error{ErrorCode::kResourceExhausted,
                   "writing temporary data in " + folder_.string() + ": " + std::strerror(errno)};
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> ScratchFile::read(std::uint64_t offset, void* target, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(fd_.get(), static_cast<char*>(target) + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return Error{ErrorCode::kDataLoss, "temporary data in " + folder_.string() + " cannot be read back"};
    }
    done += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace luthier::data::scratch
