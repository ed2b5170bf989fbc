// Repeats: rows that say the same as an earlier one, and rows whose prompt has several answers. Found by hashes of 128
// bits, sorted on disk beyond a share of memory. Movable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.h"
#include "pipelines/data/record.h"
#include "pipelines/data/scratch/disk_array.h"
#include "pipelines/data/scratch/hash128.h"
#include "pipelines/data/scratch/spill_sorter.h"

namespace luthier::data {

// A file and a line in 64 bits.
struct Spot {
  std::uint64_t value = 0;
  static Spot of(const Record& record);
  [[nodiscard]] std::uint32_t file_number() const;
  [[nodiscard]] std::int64_t line() const;
};

struct RepeatedRow {
  std::uint64_t row = 0;
  Spot first;  // the row that it repeats
  friend bool operator<(const RepeatedRow& left, const RepeatedRow& right) { return left.row < right.row; }
};

class Repeats {
 public:
  // `conflicts`: also looks for prompts (white space collapsed) with several completions.
  Repeats(const std::filesystem::path& folder, std::size_t memory_bytes, bool ignore_whitespace, bool conflicts);

  [[nodiscard]] Result<void> add(std::uint64_t row, const Record& record);
  // Once, after all rows.
  [[nodiscard]] Result<void> finish();

  // After finish(), in order of rows.
  scratch::DiskArray<RepeatedRow> repeated;
  scratch::DiskArray<std::uint64_t> conflicting;

 private:
  struct Same {
    scratch::Hash128 hash;
    std::uint64_t row = 0;
    Spot spot;
    friend bool operator<(const Same& left, const Same& right) {
      return left.hash != right.hash ? left.hash < right.hash : left.row < right.row;
    }
  };
  struct Answer {
    scratch::Hash128 prompt;
    scratch::Hash128 completion;
    std::uint64_t row = 0;
    friend bool operator<(const Answer& left, const Answer& right) {
      return left.prompt != right.prompt           ? left.prompt < right.prompt
             : left.completion != right.completion ? left.completion < right.completion
                                                   : left.row < right.row;
    }
  };
  Result<void> find_repeated();
  Result<void> find_conflicting();

  std::filesystem::path folder_;
  std::size_t share_bytes_;
  bool ignore_whitespace_;
  scratch::SpillSorter<Same> same_;
  std::optional<scratch::SpillSorter<Answer>> answers_;
};

}  // namespace luthier::data
