#include "pipelines/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace luthier::data {
namespace {

std::vector<std::string> groups_of(const std::map<std::string, std::size_t>& sizes) {
  std::vector<std::string> groups;
  for (const auto& [name, size] : sizes) {
    groups.insert(groups.end(), size, name);
  }
  return groups;
}

struct Parts {
  std::vector<std::size_t> train;
  std::vector<std::size_t> validation;
  std::vector<std::size_t> test;
};

std::vector<std::size_t> numbers_of(const RowNumbers& rows) {
  std::vector<std::size_t> numbers;
  LUTHIER_CHECK(rows.for_each([&](std::uint64_t row) -> Result<void> {
    numbers.push_back(row);
    return {};
  }));
  return numbers;
}

// By the names of classes; `memory_bytes` says when arrays go to disk.
Result<Parts> split_rows(const std::vector<std::string>& groups, const SplitSettings& settings,
                         std::size_t memory_bytes = std::size_t{1} << 20) {
  const SplitScratch scratch{std::filesystem::temp_directory_path(), memory_bytes, true};
  const std::set<std::string> names(groups.begin(), groups.end());
  RowNumbers rows = scratch.array();
  scratch::DiskArray<std::uint32_t> numbers(scratch.folder, memory_bytes / 8);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    LUTHIER_TRY_VOID(rows.push_back(i));
    const auto number = std::distance(names.begin(), names.find(groups[i]));
    LUTHIER_TRY_VOID(numbers.push_back(static_cast<std::uint32_t>(number)));
  }
  RowValues values{&numbers, {}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    values.order.push_back(static_cast<std::uint32_t>(i));
  }
  LUTHIER_TRY(const SplitRows split, split_rows(rows, values, settings, scratch));
  return Parts{numbers_of(split.train), numbers_of(split.validation), numbers_of(split.test)};
}

std::map<std::string, std::size_t> count(const std::vector<std::size_t>& rows, const std::vector<std::string>& groups) {
  std::map<std::string, std::size_t> counts;
  for (const std::size_t row : rows) {
    ++counts[groups[row]];
  }
  return counts;
}

TEST(Split, GivesEachPartItsShareOfEachClass) {
  const auto groups = groups_of({{"a", 600}, {"b", 300}, {"c", 100}});
  const auto rows = split_rows(groups, {.validation = 0.1, .test = 0.05, .seed = 3});
  ASSERT_TRUE(rows);
  EXPECT_EQ(count(rows->validation, groups), (std::map<std::string, std::size_t>{{"a", 60}, {"b", 30}, {"c", 10}}));
  EXPECT_EQ(count(rows->test, groups), (std::map<std::string, std::size_t>{{"a", 30}, {"b", 15}, {"c", 5}}));
  EXPECT_EQ(rows->train.size(), 850u);
}

TEST(Split, UsesEveryRowExactlyOnce) {
  for (const std::uint64_t seed : {0, 1, 2, 99}) {
    const auto groups = groups_of({{"a", 37}, {"b", 11}, {"c", 1}, {"d", 2}});
    const auto rows = split_rows(groups, {.validation = 0.13, .test = 0.21, .seed = seed});
    ASSERT_TRUE(rows);
    std::vector<std::size_t> all = rows->train;
    all.insert(all.end(), rows->validation.begin(), rows->validation.end());
    all.insert(all.end(), rows->test.begin(), rows->test.end());
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all.size(), groups.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i], i);
    }
    EXPECT_EQ(rows->validation.size(), 7u);  // 51 rows times 0.13, rounded
    EXPECT_EQ(rows->test.size(), 11u);
    for (const char* group : {"a", "b", "c", "d"}) {
      EXPECT_GE(count(rows->train, groups)[group], 1u) << "no row of " << group << " is left to learn from";
    }
  }
}

TEST(Split, DependsOnTheSeedAlone) {
  const auto groups = groups_of({{"a", 50}, {"b", 50}});
  const auto first = split_rows(groups, {.validation = 0.2, .seed = 5});
  const auto again = split_rows(groups, {.validation = 0.2, .seed = 5});
  const auto other = split_rows(groups, {.validation = 0.2, .seed = 6});
  EXPECT_EQ(first->train, again->train);
  EXPECT_EQ(first->validation, again->validation);
  EXPECT_NE(first->validation, other->validation);
}

TEST(Split, AFractionGivesAtLeastOneRowOrAnError) {
  const auto few = split_rows(groups_of({{"", 4}}), {.validation = 0.01, .test = 0.01});
  ASSERT_TRUE(few);
  EXPECT_EQ(few->validation.size(), 1u);
  EXPECT_EQ(few->test.size(), 1u);
  const auto none = split_rows(groups_of({{"", 4}}), {});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->train.size(), 4u);
  const auto impossible = split_rows(groups_of({{"a", 1}, {"b", 1}}), {.validation = 0.5});
  ASSERT_FALSE(impossible);
  EXPECT_NE(impossible.error().message.find("2 rows are too few"), std::string::npos) << impossible.error().message;
}

TEST(Split, IsTheSameWhetherMemoryHoldsItOrNot) {
  const auto groups = groups_of({{"a", 9'000}, {"b", 7'000}, {"c", 1'000}});
  const auto in_memory = split_rows(groups, {.validation = 0.2, .test = 0.1, .seed = 5});
  const auto on_disk = split_rows(groups, {.validation = 0.2, .test = 0.1, .seed = 5}, 4'096);
  ASSERT_TRUE(in_memory && on_disk);
  EXPECT_EQ(in_memory->train, on_disk->train);
  EXPECT_EQ(in_memory->validation, on_disk->validation);
  EXPECT_EQ(in_memory->test, on_disk->test);
}

}  // namespace
}  // namespace luthier::data
