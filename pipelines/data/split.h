// Split: which rows train, validate and test. Deterministic; bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/scratch/disk_array.h"
#include "pipelines/data/settings.h"

namespace luthier::data {

using RowNumbers = scratch::DiskArray<std::uint64_t>;

// A number from 0 to `count` - 1 for each row: its class, or its group.
struct RowValues {
  const scratch::DiskArray<std::uint32_t>* numbers = nullptr;  // nullptr: all rows have number 0
  std::vector<std::uint32_t> order;                            // the numbers in the order of their names
};

struct SplitRows {
  RowNumbers train;  // shuffled by the seed, unless rows keep their order
  RowNumbers validation;
  RowNumbers test;
};

// Where arrays lie that memory does not hold.
struct SplitScratch {
  std::filesystem::path folder;
  std::size_t memory_bytes = std::size_t{64} << 20;
  bool fits_32_bits = true;  // every row's number
  [[nodiscard]] RowNumbers array() const { return {folder, memory_bytes / 8}; }
};

// Splits `rows`: each part gets its share of each class (largest remainders), but never a class's last row away from
// training. A fraction above 0 gives at least one row. kInvalidArgument when there are too few rows for that.
[[nodiscard]] Result<SplitRows> split_rows(const RowNumbers& rows, const RowValues& classes,
                                           const SplitSettings& settings, const SplitScratch& scratch);

// The same with rows of one group kept together. Parts are filled group by group, in an order that the seed draws, each
// group where its classes are most wanted; sizes are as near to the fractions as groups allow. kInvalidArgument when
// there are fewer groups than parts.
[[nodiscard]] Result<SplitRows> split_groups(const RowNumbers& rows, const RowValues& groups, const RowValues& classes,
                                             const SplitSettings& settings, const SplitScratch& scratch);

// Keeps a part of the rows, drawn by the seed: those of a smaller fraction are among those of a larger one.
[[nodiscard]] Result<void> keep_fraction(double fraction, std::uint64_t seed, const SplitScratch& scratch,
                                         RowNumbers& rows);

}  // namespace luthier::data
