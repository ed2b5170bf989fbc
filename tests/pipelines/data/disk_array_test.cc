#include "pipelines/data/scratch/disk_array.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace luthier::data::scratch {
namespace {

std::vector<std::uint32_t> entries_of(const DiskArray<std::uint32_t>& array, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::uint32_t> entries;
  EXPECT_TRUE(array.for_each(begin, end, [&](std::uint32_t entry) -> Result<void> {
    entries.push_back(entry);
    return {};
  }));
  return entries;
}

TEST(DiskArray, IsAVectorWhereverItLies) {
  for (const std::size_t memory_bytes : {std::size_t{1} << 20, std::size_t{64}, std::size_t{0}}) {
    DiskArray<std::uint32_t> array(std::filesystem::temp_directory_path(), memory_bytes);
    std::vector<std::uint32_t> expected;
    Random random(memory_bytes);
    for (std::uint32_t i = 0; i < 30'000; ++i) {
      ASSERT_TRUE(array.push_back(i));
      expected.push_back(i);
      const std::uint64_t left = random.below(array.size());
      const std::uint64_t right = random.below(array.size());
      ASSERT_TRUE(array.swap(left, right));
      std::swap(expected[left], expected[right]);
    }
    ASSERT_EQ(array.size(), expected.size());
    EXPECT_EQ(entries_of(array, 0, array.size()), expected);
    EXPECT_EQ(entries_of(array, 8'190, 8'195),
              std::vector<std::uint32_t>(expected.begin() + 8'190, expected.begin() + 8'195));
    EXPECT_EQ(*array.get(17), expected[17]);
    array.clear();
    EXPECT_EQ(array.size(), 0u);
    ASSERT_TRUE(array.push_back(3));
    EXPECT_EQ(*array.get(0), 3u);
  }
}

}  // namespace
}  // namespace luthier::data::scratch
