#include "pipelines/data/check/duplicates.h"

#include <gtest/gtest.h>

#include "tests/pipelines/data/check/check_text.h"

namespace luthier::data::check {
namespace {

TEST(SpillSorter, SortsMoreThanItsMemory) {
  const TemporaryFolder folder;
  scratch::SpillSorter<std::uint64_t> sorter(folder.path(), 1);  // the least: some thousand entries
  std::vector<std::uint64_t> expected;
  std::uint64_t value = 1;
  for (int i = 0; i < 50'000; ++i) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    expected.push_back(value >> 40);
    ASSERT_TRUE(sorter.add(value >> 40));
  }
  EXPECT_GT(sorter.bytes_spilled(), 0U);
  std::sort(expected.begin(), expected.end());
  std::vector<std::uint64_t> sorted;
  ASSERT_TRUE(sorter.drain([&](std::uint64_t entry) { sorted.push_back(entry); }));
  EXPECT_EQ(sorted, expected);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "the file has no name";
}

TEST(SpillSorter, SaysThatItCannotSpill) {
  scratch::SpillSorter<std::uint64_t> sorter("/no/such/folder", 1);
  Result<void> outcome;
  for (std::uint64_t i = 0; i < 100'000 && outcome; ++i) {
    outcome = sorter.add(i);
  }
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("/no/such/folder"), std::string::npos);
}

// Long texts of words that `seed` chooses; `changed` of them differ from those of the same seed.
std::string words(std::uint64_t seed, int changed = 0) {
  std::string text;
  for (int i = 0; i < 80; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    text += (i < changed ? "other" : "w") + std::to_string(seed >> 50) + " ";
  }
  return text + "end.";
}

std::string many(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += chat(words(static_cast<std::uint64_t>(i)), "a" + std::to_string(i));
  }
  return text;
}

TEST(Duplicates, AreFoundExactlyWhateverTheMemory) {
  const std::string text = many(600) + chat(words(3), "a3") + many(2);
  for (const std::size_t memory : {std::size_t{1}, std::size_t{64} << 20}) {
    const Report report = check_text(text, "f.jsonl", {.memory_bytes = memory});
    EXPECT_EQ(counts_of(report), (Counts{{"duplicate_examples", 3}}));
    const auto& places = report.findings.by_code().at("duplicate_examples").first;
    ASSERT_EQ(places.size(), 3U);
    EXPECT_EQ(places[0].line, 601);
    EXPECT_EQ(places[0].message, "says the same as line 4");
    EXPECT_EQ(places[1].line, 602);
  }
}

TEST(Duplicates, AreTheSameHoweverTheJsonIsWritten) {
  const std::string text =
      R"({"messages":[{"role":"user","content":"é"},{"role":"assistant","content":"a"}]})"
      "\n"
      R"({ "messages": [{"content": "\u00e9", "role": "user"}, {"content": "a", "role": "assistant"}]})"
      "\n";
  EXPECT_EQ(counts_of(check_text(good_chats(600) + text)), (Counts{{"duplicate_examples", 1}}));
}

TEST(Duplicates, AreFoundNearlyByTheWordsInCommon) {
  const std::string text = many(600) + chat(words(5, 3), "a5") + chat(words(6, 60), "a6");
  for (const std::size_t memory : {std::size_t{1}, std::size_t{64} << 20}) {
    const Report report = check_text(text, "f.jsonl", {.memory_bytes = memory});
    EXPECT_EQ(counts_of(report), (Counts{{"near_duplicate_examples", 1}}));
    EXPECT_EQ(report.findings.by_code().at("near_duplicate_examples").first[0].message,
              "says nearly the same as line 6");
  }
  EXPECT_EQ(counts_of(check_text(text, "f.jsonl", {.near_duplicates = false})), Counts{});
}

TEST(Duplicates, AcrossTheFilesAreAnOverlap) {
  const TemporaryFolder folder;
  CheckOptions options;
  options.file = folder.write("train.jsonl", good_chats(600));
  options.validation = folder.write("valid.jsonl", chat("another", "one") + chat("What is 7 plus 1?", "It is 8."));
  const auto report = check_file(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(counts_of(*report), (Counts{{"validation_overlap", 1}}));
  const Place& place = report->findings.by_code().at("validation_overlap").first[0];
  EXPECT_EQ(place.file, options.validation->string());
  EXPECT_EQ(place.line, 2);
  EXPECT_EQ(place.message, "says the same as line 8 of " + options.file.string());
}

TEST(MinHash, LikenessFollowsTheShareOfCommonSequences) {
  const auto sketch = [](const std::string& text) {
    const std::string_view view = text;
    return *sketch_of(std::span(&view, 1));
  };
  EXPECT_EQ(likeness(sketch(words(1)), sketch(words(1))), 1);
  EXPECT_LT(likeness(sketch(words(1)), sketch(words(2))), 0.2);
  EXPECT_GT(likeness(sketch(words(1)), sketch(words(1, 2))), 0.8);
  const std::string_view few = "only a few words";
  EXPECT_EQ(sketch_of(std::span(&few, 1)).has_value(), false);
}

}  // namespace
}  // namespace luthier::data::check
