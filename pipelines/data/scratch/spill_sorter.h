// SpillSorter: sorts more entries than memory may hold: full buffers are sorted and written as runs to an unlinked
// temporary file, and merged at the end. Memory: `bytes_max`, and a small buffer for each run when it is read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "base/result.h"
#include "pipelines/data/scratch/scratch_file.h"

namespace luthier::data::scratch {

// `Entry`: trivially copyable, ordered by <, with equal entries in any order alike.
template <class Entry>
class SpillSorter {
 public:
  SpillSorter(std::filesystem::path folder, std::size_t bytes_max)
      : folder_(std::move(folder)), entries_max_(std::max<std::size_t>(bytes_max / sizeof(Entry), kReadEntries)) {}

  [[nodiscard]] Result<void> add(const Entry& entry) {
    if (entries_.size() == entries_max_) {
      LUTHIER_TRY_VOID(spill());
    }
    if (entries_.size() == entries_.capacity()) {  // doubling would overshoot the bound
      entries_.reserve(std::min(std::max<std::size_t>(2 * entries_.capacity(), kReadEntries), entries_max_));
    }
    entries_.push_back(entry);
    return {};
  }

  // Hands every entry over in order. Once; the sorter is then empty.
  [[nodiscard]] Result<void> drain(const std::function<void(const Entry&)>& take) {
    std::sort(entries_.begin(), entries_.end());
    if (runs_.empty()) {
      std::for_each(entries_.begin(), entries_.end(), take);
      entries_ = {};
      return {};
    }
    LUTHIER_TRY_VOID(spill());
    entries_ = {};
    return merge(take);
  }

  [[nodiscard]] std::uint64_t bytes_spilled() const { return file_ == nullptr ? 0 : file_->size(); }

 private:
  static constexpr std::size_t kReadEntries = 4'096;

  struct Run {
    std::uint64_t at = 0;  // in the file, of what is not read yet
    std::uint64_t end = 0;
    std::vector<Entry> entries;
    std::size_t next = 0;
  };

  Result<void> spill() {
    if (file_ == nullptr) {
      LUTHIER_TRY(file_, ScratchFile::create(folder_));
    }
    std::sort(entries_.begin(), entries_.end());
    const std::uint64_t begin = file_->size();
    LUTHIER_TRY_VOID(file_->append(entries_.data(), entries_.size() * sizeof(Entry)));
    runs_.push_back({begin, file_->size(), {}, 0});
    entries_.clear();
    return {};
  }

  // False at the run's end.
  Result<bool> refill(Run& run) {
    run.next = 0;
    const std::size_t count = std::min<std::size_t>(kReadEntries, (run.end - run.at) / sizeof(Entry));
    run.entries.resize(count);
    LUTHIER_TRY_VOID(file_->read(run.at, run.entries.data(), count * sizeof(Entry)));
    run.at += count * sizeof(Entry);
    return count > 0;
  }

  Result<void> merge(const std::function<void(const Entry&)>& take) {
    const auto later = [this](std::size_t a, std::size_t b) {
      return runs_[b].entries[runs_[b].next] < runs_[a].entries[runs_[a].next];
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> heads(later);
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      LUTHIER_TRY(const bool any, refill(runs_[i]));
      if (any) {
        heads.push(i);
      }
    }
    while (!heads.empty()) {
      const std::size_t first = heads.top();
      heads.pop();
      Run& run = runs_[first];
      take(run.entries[run.next]);
      if (++run.next == run.entries.size()) {
        LUTHIER_TRY(const bool any, refill(run));
        if (!any) {
          continue;
        }
      }
      heads.push(first);
    }
    return {};
  }

  std::filesystem::path folder_;
  std::size_t entries_max_;
  std::vector<Entry> entries_;
  std::vector<Run> runs_;
  std::unique_ptr<ScratchFile> file_;
};

}  // namespace luthier::data::scratch
