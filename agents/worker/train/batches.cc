#include "agents/worker/train/batches.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "pipelines/pack/shard.h"

namespace luthier::worker {
namespace {

constexpr std::size_t kPoolBatches = 16;

template <class T>
void shuffle(std::vector<T>& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.below(i)]);
  }
}

}  // namespace

std::vector<Batch> epoch_batches(const std::vector<std::int64_t>& lengths, std::size_t batch_size, std::uint64_t seed,
                                 std::int64_t epoch) {
  LUTHIER_CHECK(batch_size > 0);
  Random random(seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(epoch));
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(order, random);
  const std::size_t pool_size = kPoolBatches * batch_size;
  for (std::size_t begin = 0; begin < order.size(); begin += pool_size) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), begin + pool_size));
    std::stable_sort(first, last, [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  }
  std::vector<Batch> batches;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), begin + batch_size));
    batches.emplace_back(first, last);
  }
  shuffle(batches, random);
  return batches;
}

std::vector<Batch> packed_batches(std::size_t rows, std::size_t batch_size) {
  LUTHIER_CHECK(batch_size > 0);
  std::vector<Batch> batches;
  for (std::size_t step = 0; step * batch_size < rows; ++step) {
    const auto bins = pack::bins_of_worker(rows, batch_size, step, /*worker=*/0, /*workers=*/1);
    batches.emplace_back(bins.begin(), bins.end());
  }
  return batches;
}

std::vector<Batch> micro_batches(const Batch& batch, const std::vector<std::int64_t>& lengths,
                                 std::int64_t tokens_max) {
  Batch sorted = batch;
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  std::vector<Batch> parts;
  std::int64_t longest = 0;
  for (const std::size_t index : sorted) {
    const bool full = !parts.empty() && static_cast<std::int64_t>(parts.back().size() + 1) * longest > tokens_max;
    if (parts.empty() || full) {
      parts.emplace_back();
      longest = lengths[index];
    }
    parts.back().push_back(index);
  }
  return parts;
}

}  // namespace luthier::worker
