// First-fit decreasing: puts samples of different lengths into bins of one size with little left over. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace luthier::pack {

struct Item {
  std::uint64_t sample = 0;  // any number of the caller's
  std::uint32_t length = 0;  // 1 to the bin's size
};

// Bins of at most `bin_size`, each a list of indices into `items`: the longest item first, each into the first bin that
// it fits; of equally long ones the first in `items`. Then the bins are put in a random order by `seed`. O(n log n).
[[nodiscard]] std::vector<std::vector<std::uint32_t>> first_fit_decreasing(const std::vector<Item>& items,
                                                                           std::uint32_t bin_size, std::uint64_t seed);

}  // namespace luthier::pack
