#include "pipelines/pack/first_fit.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace luthier::pack {
namespace {

// The room of bins as a tree of maxima, so that the first bin with enough is found in logarithmic time.
class Rooms {
 public:
  Rooms(std::size_t bins_max, std::uint32_t bin_size) {
    while (leaves_ < bins_max) {
      leaves_ *= 2;
    }
    tree_.assign(leaves_ * 2, bin_size);
  }

  // Takes `length` from the first bin that has it.
  std::size_t take(std::uint32_t length) {
    std::size_t node = 1;
    while (node < leaves_) {
      node = tree_[node * 2] >= length ? node * 2 : node * 2 + 1;
    }
    const std::size_t bin = node - leaves_;
    tree_[node] -= length;
    for (node /= 2; node > 0; node /= 2) {
      tree_[node] = std::max(tree_[node * 2], tree_[node * 2 + 1]);
    }
    return bin;
  }

 private:
  std::size_t leaves_ = 1;
  std::vector<std::uint32_t> tree_;  // tree_[leaves_ + b]: the room of bin b
};

}  // namespace

std::vector<std::vector<std::uint32_t>> first_fit_decreasing(const std::vector<Item>& items, std::uint32_t bin_size,
                                                             std::uint64_t seed) {
  std::vector<std::uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return items[a].length > items[b].length; });
  std::vector<std::vector<std::uint32_t>> bins;
  Rooms rooms(items.size(), bin_size);  // no more bins than items are needed
  for (const std::uint32_t index : order) {
    LUTHIER_CHECK(items[index].length > 0 && items[index].length <= bin_size);
    const std::size_t bin = rooms.take(items[index].length);
    if (bin >= bins.size()) {
      bins.resize(bin + 1);
    }
    bins[bin].push_back(index);
  }
  Random random(seed);
  for (std::size_t i = bins.size(); i > 1; --i) {
    std::swap(bins[i - 1], bins[random.below(i)]);
  }
  return bins;
}

}  // namespace luthier::pack
