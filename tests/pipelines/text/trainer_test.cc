#include "pipelines/text/trainer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

Json golden(const char* name) {
  const auto text = read_file(std::filesystem::path(LUTHIER_SOURCE_DIR) / "tests/golden/text" / name);
  EXPECT_TRUE(text);
  return Json::parse(*text);
}

// With this trainer's own output trained.json was made (make_goldens.py --ours).
TEST(Trainer, MakesTheTokenizerThatHuggingFaceWasShown) {
  const std::vector<std::string> texts = golden("training.json");
  const auto trained = train_byte_level_bpe({texts.begin(), texts.end()}, 700, {"<|endoftext|>", "<|pad|>"});
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_EQ(Json::parse(*trained), golden("trained.json")["tokenizer"]);
}

TEST(Trainer, MergesTheMostFrequentPairAndTheSmallerBytesAmongEquals) {
  // "ab" 3 times; then "abc" and "abd" twice each: c before d.
  const auto trained = train_byte_level_bpe({"abc", "abc", "abd", "abd"}, 300, {});
  ASSERT_TRUE(trained);
  const Json json = Json::parse(*trained);
  EXPECT_EQ(json["model"]["merges"], Json::parse(R"([["a","b"],["ab","c"],["ab","d"]])"));
  EXPECT_EQ(json["model"]["vocab"].size(), 259u);
  EXPECT_EQ(json["model"]["vocab"]["abd"], 258);
}

TEST(Trainer, StopsAtTheSizeAskedFor) {
  const auto trained = train_byte_level_bpe({"low lower lowest low lower"}, 260, {"<|endoftext|>"});
  ASSERT_TRUE(trained);
  const auto tokenizer = Tokenizer::parse(*trained, tokenizer_config_json(kEndOfText));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocab_size(), 260u);
  EXPECT_EQ(tokenizer->eos(), 0);
  EXPECT_EQ(tokenizer->bos(), 0);
  EXPECT_EQ(tokenizer->pad(), 0);
}

TEST(Trainer, NeverBuildsASpecialTokenFromText) {
  const auto trained = train_byte_level_bpe({"STOP STOP STOP xSTOP STOP"}, 400, {"STOP"});
  ASSERT_TRUE(trained);
  const auto tokenizer = Tokenizer::parse(*trained);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto ids = tokenizer->encode("STOP", {.parse_special_tokens = false});
  ASSERT_TRUE(ids);
  EXPECT_GT(ids->size(), 1u);
  EXPECT_EQ(tokenizer->decode(*ids), "STOP");
}

TEST(Trainer, RefusesImpossibleArguments) {
  EXPECT_FALSE(train_byte_level_bpe({"a"}, 256, {"<|endoftext|>"}));
  EXPECT_FALSE(train_byte_level_bpe({"a"}, 2'000'000, {}));
  EXPECT_FALSE(train_byte_level_bpe({"a"}, 300, {""}));
  EXPECT_FALSE(train_byte_level_bpe({"a"}, 300, {"a"}));
  EXPECT_FALSE(train_byte_level_bpe({"a"}, 300, {"<s>", "<s>"}));
  const auto bad = train_byte_level_bpe({"fine", "a\xff"}, 300, {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "text 2 is not UTF-8 at byte 1");
}

TEST(Trainer, TrainsOnNothing) {
  const auto trained = train_byte_level_bpe({}, 300, {});
  ASSERT_TRUE(trained);
  EXPECT_TRUE(Tokenizer::parse(*trained));
}

}  // namespace
}  // namespace luthier::text
