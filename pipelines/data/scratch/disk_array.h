// DiskArray: numbers by index, in memory up to a bound, beyond it in a temporary file without a name. Any order of
// access gives the same as a vector; appending and for_each are fast in both places, get and set cost a system call
// each on disk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "pipelines/data/scratch/scratch_file.h"

namespace luthier::data::scratch {

// `Entry`: trivially copyable. Movable.
template <class Entry>
class DiskArray {
 public:
  DiskArray() = default;
  DiskArray(std::filesystem::path folder, std::size_t bytes_max)
      : folder_(std::move(folder)), entries_max_(bytes_max / sizeof(Entry) + 1) {}

  [[nodiscard]] std::uint64_t size() const { return in_file_ + tail_.size(); }

  void clear() {
    tail_.clear();
    file_.reset();
    in_file_ = 0;
  }

  [[nodiscard]] Result<void> push_back(const Entry& entry) {
    if (tail_.size() == (file_ == nullptr ? entries_max_ : kTailEntries)) {
      LUTHIER_TRY_VOID(spill());
    }
    if (tail_.size() == tail_.capacity()) {  // doubling would overshoot the bound
      tail_.reserve(std::min(std::max<std::size_t>(2 * tail_.capacity(), 64), std::max(entries_max_, kTailEntries)));
    }
    tail_.push_back(entry);
    return {};
  }

  [[nodiscard]] Result<Entry> get(std::uint64_t index) const {
    LUTHIER_CHECK(index < size());
    if (index >= in_file_) {
      return tail_[index - in_file_];
    }
    Entry entry;
    LUTHIER_TRY_VOID(file_->read(index * sizeof(Entry), &entry, sizeof(Entry)));
    return entry;
  }

  [[nodiscard]] Result<void> set(std::uint64_t index, const Entry& entry) {
    LUTHIER_CHECK(index < size());
    if (index < in_file_) {
      return file_->write(index * sizeof(Entry), &entry, sizeof(Entry));
    }
    tail_[index - in_file_] = entry;
    return {};
  }

  // Writes over `entries.size()` entries from `begin` on.
  [[nodiscard]] Result<void> set_many(std::uint64_t begin, std::span<const Entry> entries) {
    LUTHIER_CHECK(begin + entries.size() <= size());
    if (begin < in_file_) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(entries.size(), in_file_ - begin));
      LUTHIER_TRY_VOID(file_->write(begin * sizeof(Entry), entries.data(), count * sizeof(Entry)));
      begin += count;
      entries = entries.subspan(count);
    }
    std::copy(entries.begin(), entries.end(), tail_.begin() + static_cast<std::ptrdiff_t>(begin - in_file_));
    return {};
  }

  [[nodiscard]] Result<void> swap(std::uint64_t left, std::uint64_t right) {
    LUTHIER_TRY(const Entry of_left, get(left));
    LUTHIER_TRY(const Entry of_right, get(right));
    LUTHIER_TRY_VOID(set(left, of_right));
    return set(right, of_left);
  }

  // Entries from `begin` to before `end`, in order. `take`: a function of an Entry that gives Result<void>.
  template <class Take>
  [[nodiscard]] Result<void> for_each(std::uint64_t begin, std::uint64_t end, Take&& take) const {
    std::vector<Entry> piece;
    for (std::uint64_t at = begin; at < end;) {
      if (at >= in_file_) {
        LUTHIER_TRY_VOID(take(tail_[at - in_file_]));
        ++at;
        continue;
      }
      piece.resize(std::min<std::uint64_t>({kTailEntries, in_file_ - at, end - at}));
      LUTHIER_TRY_VOID(file_->read(at * sizeof(Entry), piece.data(), piece.size() * sizeof(Entry)));
      for (const Entry& entry : piece) {
        LUTHIER_TRY_VOID(take(entry));
      }
      at += piece.size();
    }
    return {};
  }
  template <class Take>
  [[nodiscard]] Result<void> for_each(Take&& take) const {
    return for_each(0, size(), std::forward<Take>(take));
  }

 private:
  static constexpr std::size_t kTailEntries = 8'192;

  Result<void> spill() {
    if (file_ == nullptr) {
      LUTHIER_TRY(file_, ScratchFile::create(folder_));
    }
    LUTHIER_TRY_VOID(file_->append(tail_.data(), tail_.size() * sizeof(Entry)));
    in_file_ += tail_.size();
    if (tail_.capacity() > kTailEntries) {
      tail_ = {};
    }
    tail_.clear();
    return {};
  }

  std::filesystem::path folder_;
  std::size_t entries_max_ = std::size_t{1} << 16;
  std::vector<Entry> tail_;
  std::unique_ptr<ScratchFile> file_;  // what comes before the tail
  std::uint64_t in_file_ = 0;
};

}  // namespace luthier::data::scratch
