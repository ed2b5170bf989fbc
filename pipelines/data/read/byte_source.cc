#include "pipelines/data/read/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "pipelines/data/read/expand.h"

namespace luthier::data::read {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<std::size_t> read(char* target, std::size_t size) override {
    while (true) {
      const ssize_t got = ::read(fd_.get(), target, size);
      if (got >= 0) {
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) {
        return Error{ErrorCode::kUnavailable, name_ + ": reading failed: " + std::strerror(errno)};
      }
    }
  }

 private:
  UniqueFd fd_;
  std::string name_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string bytes, std::size_t chunk) : bytes_(std::move(bytes)), chunk_(chunk) {}

  Result<std::size_t> read(char* target, std::size_t size) override {
    std::size_t count = std::min(size, bytes_.size() - at_);
    count = chunk_ == 0 ? count : std::min(count, chunk_);
    std::memcpy(target, bytes_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string bytes_;
  std::size_t chunk_;
  std::size_t at_ = 0;
};

// Gives `head` again before the rest of `source`.
class ReplayedSource final : public ByteSource {
 public:
  ReplayedSource(std::string head, std::unique_ptr<ByteSource> source)
      : head_(std::move(head)), source_(std::move(source)) {}

  Result<std::size_t> read(char* target, std::size_t size) override {
    if (at_ == head_.size()) {
      return source_->read(target, size);
    }
    const std::size_t count = std::min(size, head_.size() - at_);
    std::memcpy(target, head_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string head_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> source_;
};

// Fewer than `size` bytes only at the end.
Result<std::string> read_head(ByteSource& source, std::size_t size) {
  std::string head(size, '\0');
  LUTHIER_TRY(const std::size_t got, read_fully(source, head.data(), size));
  head.resize(got);
  return head;
}

// By its mark; or because every second byte is often zero, as in Latin text, and the others hardly ever.
bool looks_like_utf16(std::string_view head) {
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) {
    return true;
  }
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < head.size(); ++i) {
    zeros[i % 2] += head[i] == '\0' ? 1 : 0;
  }
  const auto [fewer, more] = std::minmax(zeros[0], zeros[1]);
  return more > 1 && more > head.size() / 16 && fewer * 8 < more;
}

Result<void> check_is_text(std::string_view head, const std::string& name) {
  const auto wrong = [&](const std::string& problem) {
    return Error{ErrorCode::kInvalidArgument, name + ":1:1: " + problem};
  };
  if (head.starts_with("PK\x03\x04")) {
    return wrong("this is a ZIP archive, not text; if it is a spreadsheet, name it .xlsx, else unpack it");
  }
  const std::size_t zero = head.substr(0, 4'096).find('\0');
  if (looks_like_utf16(head.substr(0, 4'096))) {
    return wrong("this is UTF-16, and UTF-8 is needed; save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 " + name);
  }
  if (zero != std::string_view::npos) {
    return wrong("this is binary data (byte " + std::to_string(zero + 1) + " is zero), not text");
  }
  return {};
}

}  // namespace

Result<std::size_t> read_fully(ByteSource& source, char* target, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    LUTHIER_TRY(const std::size_t more, source.read(target + got, size - got));
    if (more == 0) {
      break;
    }
    got += more;
  }
  return got;
}

Result<std::unique_ptr<ByteSource>> as_text(std::unique_ptr<ByteSource> source, const std::string& name,
                                            std::string& head) {
  LUTHIER_TRY(head, read_head(*source, kHeadBytes));
  LUTHIER_TRY_VOID(check_is_text(head, name));
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (head.starts_with(kByteOrderMark)) {
    head.erase(0, kByteOrderMark.size());
  }
  return std::unique_ptr<ByteSource>(std::make_unique<ReplayedSource>(head, std::move(source)));
}

Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kPermissionDenied;
    return Error{code, path.string() + ": cannot be opened: " + std::strerror(errno)};
  }
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 path.string() + ": not a file" + (S_ISDIR(facts.st_mode) ? " but a folder; name one file in it" : "")};
  }
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(std::move(fd), path.string()));
}

std::unique_ptr<ByteSource> from_memory(std::string bytes, std::size_t chunk) {
  return std::make_unique<MemorySource>(std::move(bytes), chunk);
}

Result<std::unique_ptr<ByteSource>> expand(std::unique_ptr<ByteSource> source, std::string name,
                                           ExpansionLimits limits) {
  LUTHIER_TRY(std::string head, read_head(*source, 4));
  const bool gzip = head.starts_with("\x1f\x8b");
  const bool zstd = head == "\x28\xb5\x2f\xfd";
  auto whole = std::make_unique<ReplayedSource>(std::move(head), std::move(source));
  if (gzip) {
    return expand_gzip(std::move(whole), std::move(name), limits);
  }
  if (zstd) {
    return expand_zstd(std::move(whole), std::move(name), limits);
  }
  return std::unique_ptr<ByteSource>(std::move(whole));
}

}  // namespace luthier::data::read
