#include "controller/store/head_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::store {
namespace {

constexpr std::size_t kFileBytes = 256;  // always the same, so that writing never needs room on the disk
constexpr std::size_t kCheckDigits = 16;

constexpr const char* kMagic = "luthier-journal-head-2";
constexpr const char* kNothing = "-";  // in place of an empty word
constexpr std::uint64_t kBootIdBytesMax = 64;

std::string machine_boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", kBootIdBytesMax);
  return text ? text->substr(0, text->find_first_of(" \n")) : "unknown";
}

Result<void> sync(int fd) {
  return ::fdatasync(fd) == 0
             ? Result<void>()
             : Error{ErrorCode::kInternal, std::string("cannot sync journal.head: ") + std::strerror(errno)};
}

std::string check_of(const std::string& text) { return sha256_digest(text).substr(7, kCheckDigits); }

}  // namespace

Result<HeadFile> HeadFile::open(const std::filesystem::path& file, std::string boot_id) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return Error{ErrorCode::kInternal, "cannot open " + file.string() + ": " + std::strerror(errno)};
  }
  return HeadFile(std::move(fd), boot_id.empty() ? machine_boot_id() : std::move(boot_id));
}

Result<std::optional<Remembered>> HeadFile::read() const {
  std::string text(kFileBytes, '\0');
  const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
  if (count == 0) {
    return std::optional<Remembered>();
  }
  const Error unreadable{ErrorCode::kDataLoss, "journal.head is damaged"};
  const std::size_t end = text.find('\n');
  if (count < 0 || end == std::string::npos || end < kCheckDigits + 1) {
    return unreadable;
  }
  const std::string line = text.substr(0, end - kCheckDigits - 1);
  Remembered remembered;
  JournalHead& head = remembered.head;
  std::string magic;
  std::istringstream words(line);
  words >> magic >> head.index >> head.epoch >> head.wall_ms >> head.chain;
  if (magic == kMagic) {
    words >> remembered.records_reserved >> remembered.events_reserved >> remembered.boot_id;
    head.chain = head.chain == kNothing ? "" : head.chain;
    remembered.boot_id = remembered.boot_id == kNothing ? "" : remembered.boot_id;
  }
  if (check_of(line) != text.substr(end - kCheckDigits, kCheckDigits) || words.fail()) {
    return unreadable;
  }
  return std::optional<Remembered>(std::move(remembered));
}

void HeadFile::keep_reserved(const Remembered& remembered) { now_ = remembered; }

Result<void> HeadFile::reserve(std::uint64_t record, std::uint64_t event) {
  if (record <= now_.records_reserved && event <= now_.events_reserved && !now_.boot_id.empty()) {
    reserved_here_ = true;
    return {};
  }
  now_.records_reserved = std::max(now_.records_reserved, record + kNumbersReserved);
  now_.events_reserved = std::max(now_.events_reserved, event + kNumbersReserved);
  // Another boot's id stays until a commit has told what was lost with it.
  now_.boot_id = now_.boot_id.empty() ? boot_id_ : now_.boot_id;
  reserved_here_ = true;
  LUTHIER_TRY_VOID(store(now_.boot_id));
  return sync(fd_.get());
}

Result<void> HeadFile::write(const JournalHead& head) {
  now_.head = head;
  now_.boot_id = boot_id_;
  return store(boot_id_);
}

void HeadFile::close(std::uint64_t newest_event) {
  if (!reserved_here_) {
    return;
  }
  now_.records_reserved = now_.head.index;
  now_.events_reserved = newest_event;
  now_.boot_id.clear();
  // When it fails the next start skips numbers that were never given.
  if (store("")) {
    static_cast<void>(sync(fd_.get()));
  }
}

Result<void> HeadFile::store(const std::string& boot_id) {
  const auto word = [](const std::string& text) { return text.empty() ? std::string(kNothing) : text; };
  const JournalHead& head = now_.head;
  const std::string line = std::string(kMagic) + " " + std::to_string(head.index) + " " + std::to_string(head.epoch) +
                           " " + std::to_string(head.wall_ms) + " " + word(head.chain) + " " +
                           std::to_string(now_.records_reserved) + " " + std::to_string(now_.events_reserved) + " " +
                           word(boot_id);
  std::string text = line + " " + check_of(line) + "\n";
  text.resize(kFileBytes, ' ');
  if (::pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return Error{ErrorCode::kInternal, std::string("cannot write journal.head: ") + std::strerror(errno)};
  }
  return {};
}

}  // namespace luthier::store
