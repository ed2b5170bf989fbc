#include "pipelines/data/pack/pack_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>

#include "base/file.h"
#include "pipelines/pack/shard.h"
#include "pipelines/text/trainer.h"

namespace luthier::data::pack {
namespace {

namespace packed = luthier::pack;

class PackFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "luthier-pack.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const auto trained = text::train_byte_level_bpe({"the cat sat on the mat"}, 270, {std::string(text::kEndOfText)});
    ASSERT_TRUE(trained);
    ASSERT_TRUE(write_file_atomically(folder_ / "tokenizer.json", *trained));
    ASSERT_TRUE(
        write_file_atomically(folder_ / "tokenizer_config.json", text::tokenizer_config_json(text::kEndOfText)));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  PackOptions options(const std::string& rows, const std::string& out = "out") {
    EXPECT_TRUE(write_file_atomically(folder_ / "data.jsonl", rows));
    PackOptions options;
    options.file = folder_ / "data.jsonl";
    options.tokenizer = folder_;
    options.out = folder_ / out;
    options.budget = 16;
    options.seed = 3;
    return options;
  }

  // Samples by id, put together again where they were cut.
  std::map<std::uint64_t, std::string> texts(const std::filesystem::path& out, std::uint64_t* bins = nullptr) {
    const auto pack = packed::Pack::open(out);
    EXPECT_TRUE(pack) << (pack ? "" : pack.error().message);
    const auto tokenizer = text::Tokenizer::load(folder_);
    std::map<std::uint64_t, std::string> result;
    for (std::uint64_t bin = 0; bin < pack->bins(); ++bin) {
      std::size_t total = 0;
      for (const packed::Sample& sample : pack->read_bin(bin)) {
        total += sample.tokens.size();
        std::string& text = result[sample.id];
        for (std::size_t i = 0; i < sample.tokens.size(); ++i) {
          text += (sample.trained[i] ? "+" : "-") + std::string(tokenizer->token_bytes(sample.tokens[i]));
        }
      }
      EXPECT_LE(total, 16u);
    }
    if (bins != nullptr) {
      *bins = pack->bins();
    }
    return result;
  }
  std::filesystem::path folder_;
};

std::string rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "{\"prompt\":\"the " + std::string(static_cast<std::size_t>(i % 5), 'x') + "\",\"completion\":\" " +
            std::to_string(i) + "\"}\n";
  }
  return text;
}

TEST_F(PackFile, LearnsCompletionsAndTheirEnd) {
  const auto report =
      pack_file(options("{\"prompt\":\"ab\",\"completion\":\"c\"}\n{\"prompt\":\"z\",\"completion\":\"\"}\n"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->samples, 2u);
  EXPECT_EQ(report->tokens, 6u);
  EXPECT_EQ(report->trained_tokens, 3u);
  EXPECT_EQ(report->bins, 1u);
  EXPECT_EQ(texts(folder_ / "out"),
            (std::map<std::uint64_t, std::string>{{0, "-a-b+c+<|endoftext|>"}, {1, "-z+<|endoftext|>"}}));
}

TEST_F(PackFile, KeepsTheEndOfLongPromptsAndCutsLongTexts) {
  const auto pairs = pack_file(options("{\"prompt\":\"" + std::string(30, 'a') + "b\",\"completion\":\"c\"}\n"));
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->truncated, 1u);
  const std::string kept = texts(folder_ / "out")[0];
  EXPECT_NE(kept.find("-b+c+<|endoftext|>"), std::string::npos);
  const auto long_text = pack_file(options("{\"text\":\"" + std::string(40, 'q') + "\"}\n", "texts"));
  ASSERT_TRUE(long_text);
  EXPECT_EQ(long_text->cut, 1u);
  EXPECT_EQ(long_text->tokens, 41u);
  EXPECT_EQ(long_text->bins, 3u);
}

TEST_F(PackFile, TheSameTwiceIsTheSameAndWindowsAndShardsOnlyChangeTheOrder) {
  PackOptions once = options(rows(300), "a");
  PackOptions twice = options(rows(300), "b");
  PackOptions small = options(rows(300), "c");
  small.window_samples = 7;
  small.shard_bytes = 500;
  ASSERT_TRUE(pack_file(once));
  ASSERT_TRUE(pack_file(twice));
  const auto report = pack_file(small);
  ASSERT_TRUE(report);
  EXPECT_GT(report->shards, 3u);
  EXPECT_EQ(*read_file(folder_ / "a/shard-00000.pack"), *read_file(folder_ / "b/shard-00000.pack"));
  EXPECT_EQ(texts(folder_ / "a").size(), 300u);
  EXPECT_EQ(texts(folder_ / "a"), texts(folder_ / "c"));
}

TEST_F(PackFile, SaysWhereARecordCannotBeUsed) {
  const struct {
    const char* rows;
    const char* part;
  } cases[] = {
      {"{\"text\":\"a\"}\n{\"messages\":[]}\n", "data.jsonl:2: the record has neither"},
      {"{\"text\":\"a\"}\n{\"text\":}\n", "data.jsonl:2"},
      {"", "no records"},
  };
  int number = 0;
  for (const auto& test_case : cases) {
    const auto report = pack_file(options(test_case.rows, "bad" + std::to_string(number++)));
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(test_case.part), std::string::npos) << report.error().message;
  }
  ASSERT_TRUE(pack_file(options(rows(3), "full")));
  const auto again = pack_file(options(rows(3), "full"));
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("not empty"), std::string::npos);
  std::filesystem::remove(folder_ / "tokenizer_config.json");
  const auto endless = pack_file(options(rows(3), "endless"));
  ASSERT_FALSE(endless);
  EXPECT_NE(endless.error().message.find("--end-token"), std::string::npos);
}

}  // namespace
}  // namespace luthier::data::pack
