// Damaged tokenizer files and random text: an error or an answer, never a crash; decoding gives the bytes back.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "pipelines/text/tokenizer.h"
#include "pipelines/text/trainer.h"

namespace luthier::text {
namespace {

std::string random_bytes(Random& random, std::size_t size_max) {
  std::string bytes(random.below(size_max + 1), '\0');
  for (char& byte : bytes) {
    byte =
        static_cast<char>(static_cast<unsigned char>(random.below(4) == 0 ? random.below(256) : 32 + random.below(95)));
  }
  return bytes;
}

void damage(Random& random, std::string& text) {
  for (std::uint64_t change = random.below(8) + 1; change > 0 && !text.empty(); --change) {
    const std::size_t at = random.below(text.size());
    switch (random.below(4)) {
      case 0: text[at] = static_cast<char>(static_cast<unsigned char>(random.below(256))); break;
      case 1: text.erase(at, random.below(20)); break;
      case 2: text.insert(at, text.substr(random.below(text.size()), random.below(20))); break;
      default: text.resize(at + 1); break;
    }
  }
}

TEST(TokenizerRobustness, DamagedFilesGiveAnErrorOrATokenizer) {
  const auto trained = train_byte_level_bpe({"aab aab abc"}, 262, {"<s>"});
  ASSERT_TRUE(trained);
  const std::string small = nlohmann::json::parse(*trained).dump();
  Random random(11);
  int usable = 0;
  for (int round = 0; round < 400; ++round) {
    std::string text = small;
    damage(random, text);
    const auto tokenizer = Tokenizer::parse(text, round % 2 == 0 ? "" : random_bytes(random, 40));
    if (tokenizer) {
      ++usable;
      (void)tokenizer->encode(replace_invalid_utf8(random_bytes(random, 60)), {.add_special_tokens = true});
    } else {
      EXPECT_FALSE(tokenizer.error().message.empty());
    }
  }
  EXPECT_GT(usable, 0);
}

std::string repeated(std::string_view part, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    text += part;
  }
  return text;
}

// What makes pieces long: one letter, spaces, line breaks, letters without spaces, symbols, cut contractions.
const char* const kEndless[] = {"a", " ", "\n", " \n", "ab", "\u4e2d", "\u0301",
                                "-", "'", "'s", "aA",  "1",  "\u2581", "\xf0\x9f\x98\x80"};

// The model's steps are counted, so that the test does not hang on the machine's speed.
Tokenizer golden_tokenizer(const std::string& file) {
  const auto golden = read_file(std::filesystem::path(LUTHIER_SOURCE_DIR) / "tests/golden/text" / (file + ".json"));
  EXPECT_TRUE(golden);
  auto tokenizer = Tokenizer::parse(nlohmann::json::parse(*golden)["tokenizer"].dump());
  EXPECT_TRUE(tokenizer);
  return std::move(tokenizer).value();
}

TEST(TokenizerRobustness, AMegabyteOfOneLetterOrOfSpacesTakesNoMoreStepsThanAnyOther) {
  for (const char* file : {"llama3", "llama2"}) {
    const Tokenizer tokenizer = golden_tokenizer(file);
    for (const char* part : {"a", " "}) {
      Encoder encoder(tokenizer);
      std::vector<TokenId> ids;
      ASSERT_TRUE(encoder.encode(repeated(part, 1'000'000), {}, ids));
      EXPECT_LE(encoder.steps(), std::uint64_t{12'000'000}) << file << " " << part;
    }
  }
}

TEST(TokenizerRobustness, WorkGrowsWithTheLengthOfAnyText) {
  for (const char* file : {"gpt2", "llama3", "o200k_removed", "qwen2_nfc", "llama2", "mistral", "gemma"}) {
    const Tokenizer tokenizer = golden_tokenizer(file);
    for (const char* part : kEndless) {
      for (const std::size_t size : {std::size_t{1'000}, std::size_t{20'000}}) {
        const std::string text = repeated(part, size);
        Encoder encoder(tokenizer);
        std::vector<TokenId> ids;
        ASSERT_TRUE(encoder.encode(text, {}, ids));
        EXPECT_LE(encoder.steps(), 12 * text.size() + 100) << file << " " << part << " " << size;
      }
    }
  }
}

TEST(TokenizerRobustness, DecodingGivesTheTextBack) {
  const auto trained = train_byte_level_bpe({"the cat sat on the mat, the cat sat; it's 12 o'clock"}, 300, {"<s>"});
  ASSERT_TRUE(trained);
  const auto tokenizer = Tokenizer::parse(*trained);
  ASSERT_TRUE(tokenizer);
  Encoder encoder(*tokenizer);
  Random random(12);
  for (int round = 0; round < 2'000; ++round) {
    const std::string text = replace_invalid_utf8(random_bytes(random, 300));
    std::vector<TokenId> ids;
    ASSERT_TRUE(encoder.encode(text, {}, ids));
    EXPECT_EQ(tokenizer->decode_bytes(ids), text);
  }
}

}  // namespace
}  // namespace luthier::text
