#include "controller/store/head_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/digest/digest.h"

namespace luthier::store {
namespace {

constexpr std::size_t kFileBytes = 256;  // always the same, so that writing never needs room on the disk
constexpr std::size_t kCheckDigits = 16;

std::string check_of(const std::string& text) { return sha256_digest(text).substr(7, kCheckDigits); }

}  // namespace

Result<HeadFile> HeadFile::open(const std::filesystem::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return Error{ErrorCode::kInternal, "cannot open " + file.string() + ": " + std::strerror(errno)};
  }
  return HeadFile(std::move(fd));
}

Result<std::optional<JournalHead>> HeadFile::read() const {
  std::string text(kFileBytes, '\0');
  const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (count == 0) {
    return std::optional<JournalHead>();
  }
  const Error unreadable{ErrorCode::kDataLoss, "journal.head is damaged"};
  const std::size_t end = text.find('\n');
  if (count < 0 || end == std::string::npos || end < kCheckDigits + 1) {
    return unreadable;
  }
  const std::string line = text.substr(0, end - kCheckDigits - 1);
  JournalHead head;
  std::string magic;
  std::istringstream words(line);
  words >> magic >> head.index >> head.epoch >> head.wall_ms >> head.chain;
  if (check_of(line) != text.substr(end - kCheckDigits, kCheckDigits) || words.fail()) {
    return unreadable;
  }
  return std::optional<JournalHead>(std::move(head));
}

Result<void> HeadFile::write(const JournalHead& head) {
  const std::string line = "luthier-journal-head-1 " + std::to_string(head.index) + " " + std::to_string(head.epoch) +
                           " " + std::to_string(head.wall_ms) + " " + head.chain;
  std::string text = line + " " + check_of(line) + "\n";
  text.resize(kFileBytes, ' ');
  if (::pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return Error{ErrorCode::kInternal, std::string("cannot write journal.head: ") + std::strerror(errno)};
  }
  return {};
}

}  // namespace luthier::store
