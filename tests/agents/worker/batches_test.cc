#include "agents/worker/train/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace luthier::worker {
namespace {

std::vector<std::int64_t> some_lengths(std::size_t count) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < count; ++i) {
    lengths.push_back(static_cast<std::int64_t>(5 + i * 7 % 31));
  }
  return lengths;
}

TEST(EpochBatches, HoldEveryExampleOnce) {
  const auto batches = epoch_batches(some_lengths(103), 10, 1, 0);
  EXPECT_EQ(batches.size(), 11U);
  std::vector<std::size_t> seen;
  for (const Batch& batch : batches) {
    EXPECT_LE(batch.size(), 10U);
    seen.insert(seen.end(), batch.begin(), batch.end());
  }
  std::sort(seen.begin(), seen.end());
  std::vector<std::size_t> all(103);
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_EQ(seen, all);
}

TEST(EpochBatches, DependOnSeedAndEpochAlone) {
  const auto lengths = some_lengths(200);
  EXPECT_EQ(epoch_batches(lengths, 8, 5, 2), epoch_batches(lengths, 8, 5, 2));
  EXPECT_NE(epoch_batches(lengths, 8, 5, 2), epoch_batches(lengths, 8, 5, 3));
  EXPECT_NE(epoch_batches(lengths, 8, 5, 2), epoch_batches(lengths, 8, 6, 2));
}

TEST(EpochBatches, PutLikeLengthsTogether) {
  const auto lengths = some_lengths(160);
  std::int64_t spread = 0;
  for (const Batch& batch : epoch_batches(lengths, 10, 1, 0)) {
    const auto [low, high] = std::minmax_element(batch.begin(), batch.end(),
                                                 [&](std::size_t a, std::size_t b) { return lengths[a] < lengths[b]; });
    spread += lengths[*high] - lengths[*low];
  }
  EXPECT_LT(spread, 16 * 5);  // the lengths span 30; at random almost every batch would
}

TEST(MicroBatches, StayWithinTheBudgetAndLoseNothing) {
  const auto lengths = some_lengths(40);
  Batch batch(40);
  std::iota(batch.begin(), batch.end(), std::size_t{0});
  std::size_t count = 0;
  for (const Batch& part : micro_batches(batch, lengths, 100)) {
    std::int64_t longest = 0;
    for (const std::size_t index : part) {
      longest = std::max(longest, lengths[index]);
    }
    EXPECT_LE(longest * std::ssize(part), 100);
    count += part.size();
  }
  EXPECT_EQ(count, 40U);
  EXPECT_EQ(micro_batches({0, 1}, lengths, 1).size(), 2U);  // at least one example each
}

}  // namespace
}  // namespace luthier::worker
