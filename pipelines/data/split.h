// Split: which rows train, validate and test. Pure and deterministic.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/settings.h"

namespace luthier::data {

struct SplitRows {
  std::vector<std::size_t> train;  // indexes, shuffled by the seed
  std::vector<std::size_t> validation;
  std::vector<std::size_t> test;
};

// Splits rows 0 … groups.size() - 1. `groups[i]` names the class of row i: each part gets its share of each class
// (largest remainders), but never a class's last row away from training. A fraction above 0 gives at least one row.
// kInvalidArgument when there are too few rows for that.
[[nodiscard]] Result<SplitRows> split_rows(const std::vector<std::string>& groups, const SplitSettings& settings);

// The same with rows of one key kept together: `keys[i]` names the key of row i. Parts are filled key by key, in an
// order that the seed draws, each key where its classes are most wanted; sizes are as near to the fractions as keys
// allow. kInvalidArgument when there are fewer keys than parts.
[[nodiscard]] Result<SplitRows> split_groups(const std::vector<std::string>& keys,
                                             const std::vector<std::string>& classes, const SplitSettings& settings);

}  // namespace luthier::data
