#include "pipelines/data/records.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace luthier::data {
namespace {

constexpr std::size_t kTailBytes = std::size_t{1} << 20;

struct Header {
  std::int64_t line = 0;
  std::uint32_t file_number = 0;
  std::array<std::uint32_t, 4> sizes{};  // of prompt, completion, label, group

  [[nodiscard]] std::size_t size_of_texts() const {
    std::size_t bytes = 0;
    for (const std::uint32_t size : sizes) {
      bytes += size;
    }
    return bytes;
  }
};
static_assert(std::is_trivially_copyable_v<Header>);

Header header_of(const char* bytes) {
  Header header;
  std::memcpy(&header, bytes, sizeof(header));
  return header;
}

}  // namespace

void EncodedRecords::add(const Record& record) {
  const std::array<const std::string*, 4> texts{&record.prompt, &record.completion, &record.label, &record.group};
  Header header{record.line, record.file_number, {}};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    header.sizes[i] = static_cast<std::uint32_t>(texts[i]->size());  // a record has at most 144 MiB
  }
  const std::size_t begin = bytes.size();
  bytes.append(reinterpret_cast<const char*>(&header), sizeof(header));
  for (const std::string* text : texts) {
    bytes += *text;
  }
  sizes.push_back(static_cast<std::uint32_t>(bytes.size() - begin));
}

Records::Records(std::filesystem::path folder, std::size_t memory_bytes, std::function<bool()> stopped)
    : folder_(std::move(folder)),
      memory_bytes_(memory_bytes),
      stopped_(std::move(stopped)),
      offsets_(folder_, memory_bytes / 4) {}

std::uint32_t Records::add_file(std::string name) {
  files_.push_back(std::move(name));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

Result<void> Records::go_on() const {
  return stopped_ && stopped_() ? Result<void>(Error{ErrorCode::kCancelled, "stopped"}) : Result<void>();
}

Result<void> Records::append(const EncodedRecords& records) {
  LUTHIER_TRY_VOID(go_on());
  std::uint64_t offset = in_file_ + tail_.size();
  for (const std::uint32_t size : records.sizes) {
    if (rows_++ % kRowsOfOffset == 0) {
      LUTHIER_TRY_VOID(offsets_.push_back(offset));
    }
    offset += size;
  }
  tail_ += records.bytes;
  if (tail_.size() >= kTailBytes) {
    if (file_ == nullptr) {
      LUTHIER_TRY(file_, scratch::ScratchFile::create(folder_));
    }
    LUTHIER_TRY_VOID(file_->append(tail_.data(), tail_.size()));
    in_file_ += tail_.size();
    tail_.clear();
  }
  return {};
}

// From the file and the tail as if they were one.
Result<void> Records::read(std::uint64_t offset, char* target, std::size_t size) const {
  if (offset < in_file_) {
    const std::size_t count = std::min<std::uint64_t>(size, in_file_ - offset);
    LUTHIER_TRY_VOID(file_->read(offset, target, count));
    offset += count;
    target += count;
    size -= count;
  }
  if (size > 0) {
    std::memcpy(target, tail_.data() + (offset - in_file_), size);
  }
  return {};
}

Record Records::decode(const char* bytes) const {
  const Header header = header_of(bytes);
  Record record;
  record.line = header.line;
  record.file_number = header.file_number;
  record.file = files_[header.file_number];
  const char* at = bytes + sizeof(header);
  std::size_t i = 0;
  for (std::string* text : {&record.prompt, &record.completion, &record.label, &record.group}) {
    text->assign(at, header.sizes[i]);
    at += header.sizes[i++];
  }
  return record;
}

Result<void> Records::for_each(Report& report, const Take& take) {
  for (Entry& entry : edits_) {
    entry.edit->rewind();
    if (!entry.reported) {
      entry.edit->announce(report);
    }
  }
  std::string piece;
  std::uint64_t piece_begin = 0;
  const std::uint64_t end = in_file_ + tail_.size();
  std::uint64_t row = 0;
  const auto see = [&](std::uint64_t begin, std::size_t size) -> Result<void> {
    if (begin + size > piece_begin + piece.size()) {
      piece.resize(std::min<std::uint64_t>(std::max(size, kTailBytes), end - begin));
      piece_begin = begin;
      LUTHIER_TRY_VOID(go_on());
      return read(begin, piece.data(), piece.size());
    }
    return {};
  };
  for (std::uint64_t begin = 0; begin < end; ++row) {
    LUTHIER_TRY_VOID(see(begin, sizeof(Header)));
    const std::size_t size = sizeof(Header) + header_of(piece.data() + (begin - piece_begin)).size_of_texts();
    LUTHIER_TRY_VOID(see(begin, size));
    Record record = decode(piece.data() + (begin - piece_begin));
    begin += size;
    bool kept = true;
    for (std::size_t i = 0; kept && i < edits_.size(); ++i) {
      LUTHIER_TRY(kept, edits_[i].edit->apply(row, record, edits_[i].reported ? nullptr : &report));
    }
    if (kept) {
      LUTHIER_TRY_VOID(take(row, record));
    }
  }
  for (Entry& entry : edits_) {
    entry.reported = true;
  }
  report.forget_unused();
  return {};
}

// The bytes of a row: from the offset that is known before it, over the rows between. Small ones are read at once.
Result<std::string> Records::encoded(std::uint64_t row) const {
  constexpr std::uint64_t kWindowBytes = std::uint64_t{8} << 10;
  LUTHIER_TRY(std::uint64_t begin, offsets_.get(row / kRowsOfOffset));
  const std::uint64_t end = in_file_ + tail_.size();
  std::string window(std::min(kWindowBytes, end - begin), '\0');
  const std::uint64_t window_begin = begin;
  LUTHIER_TRY_VOID(read(begin, window.data(), window.size()));
  const auto in_window = [&](std::uint64_t at, std::size_t size) { return at + size <= window_begin + window.size(); };
  for (std::uint64_t skip = row % kRowsOfOffset;; --skip) {
    Header header;
    if (in_window(begin, sizeof(Header))) {
      header = header_of(window.data() + (begin - window_begin));
    } else {
      LUTHIER_TRY_VOID(read(begin, reinterpret_cast<char*>(&header), sizeof(Header)));
    }
    const std::size_t size = sizeof(Header) + header.size_of_texts();
    if (skip > 0) {
      begin += size;
      continue;
    }
    if (in_window(begin, size)) {
      return window.substr(begin - window_begin, size);
    }
    std::string bytes(size, '\0');
    LUTHIER_TRY_VOID(read(begin, bytes.data(), size));
    return bytes;
  }
}

Result<Record> Records::at(std::uint64_t row) const {
  LUTHIER_CHECK(row < rows_);
  LUTHIER_TRY(const std::string bytes, encoded(row));
  Record record = decode(bytes.data());
  for (const Entry& entry : edits_) {
    if (!entry.edit->drops_by_list()) {
      LUTHIER_TRY(const bool kept, entry.edit->apply(row, record, nullptr));
      LUTHIER_CHECK(kept);
    }
  }
  return record;
}

}  // namespace luthier::data
