#include "pipelines/pack/first_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/random.h"

namespace luthier::pack {
namespace {

using Bins = std::vector<std::vector<std::uint32_t>>;

std::vector<Item> random_items(std::uint64_t seed, std::size_t count, std::uint32_t bin_size) {
  Random random(seed);
  std::vector<Item> items(count);
  for (std::size_t i = 0; i < count; ++i) {
    items[i] = {i, static_cast<std::uint32_t>(random.below(bin_size) + 1)};
  }
  return items;
}

// The same by looking at every bin, and before the shuffle.
Bins plain_first_fit(const std::vector<Item>& items, std::uint32_t bin_size) {
  std::vector<std::uint32_t> order(items.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return items[a].length > items[b].length; });
  Bins bins;
  std::vector<std::uint32_t> rooms;
  for (const std::uint32_t index : order) {
    std::size_t bin = 0;
    while (bin < rooms.size() && rooms[bin] < items[index].length) {
      ++bin;
    }
    if (bin == rooms.size()) {
      rooms.push_back(bin_size);
      bins.emplace_back();
    }
    rooms[bin] -= items[index].length;
    bins[bin].push_back(index);
  }
  return bins;
}

TEST(FirstFit, GivesTheBinsOfTheDefinitionInSomeOrder) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto items = random_items(seed, seed * 7 % 200, 50);
    Bins bins = first_fit_decreasing(items, 50, seed);
    Bins plain = plain_first_fit(items, 50);
    std::sort(bins.begin(), bins.end());
    std::sort(plain.begin(), plain.end());
    EXPECT_EQ(bins, plain) << seed;
  }
}

TEST(FirstFit, TheSeedDecidesTheOrderAndNothingElse) {
  const auto items = random_items(3, 500, 100);
  EXPECT_EQ(first_fit_decreasing(items, 100, 1), first_fit_decreasing(items, 100, 1));
  EXPECT_NE(first_fit_decreasing(items, 100, 1), first_fit_decreasing(items, 100, 2));
}

TEST(FirstFit, LeavesLittleRoom) {
  const auto items = random_items(4, 20'000, 200);
  std::uint64_t total = 0;
  for (const Item& item : items) {
    total += item.length;
  }
  const auto bins = first_fit_decreasing(items, 1'000, 1);
  EXPECT_LE(bins.size(), total / 1'000 + 2);
}

}  // namespace
}  // namespace luthier::pack
