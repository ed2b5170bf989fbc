// Ids and decoded text equal Hugging Face's, for the files of tests/golden/text (made by make_goldens.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

class Golden : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto path =
        std::filesystem::path(LUTHIER_SOURCE_DIR) / "tests/golden/text" / (std::string(GetParam()) + ".json");
    auto text = read_file(path);
    ASSERT_TRUE(text) << text.error().message;
    golden_ = Json::parse(*text);
    auto tokenizer = Tokenizer::parse(golden_["tokenizer"].dump());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_.emplace(std::move(tokenizer).value());
  }
  Json golden_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(Golden, GivesTheSameIdsAndText) {
  ASSERT_GT(golden_["cases"].size(), 50u);
  Encoder encoder(*tokenizer_);
  for (const Json& golden_case : golden_["cases"]) {
    const std::string text = golden_case["text"];
    std::vector<TokenId> ids;
    ASSERT_TRUE(encoder.encode(text, {}, ids));
    EXPECT_EQ(Json(ids), golden_case["ids"]) << golden_case["text"].dump();
    EXPECT_EQ(tokenizer_->decode(ids), golden_case["decoded"].get<std::string>());
    if (golden_case.contains("places")) {
      Encoding encoding;
      ASSERT_TRUE(encoder.encode(text, {}, encoding));
      Json places = Json::array();
      for (const TextRange range : encoding.ranges) {
        places.push_back({range.begin, range.end});
      }
      EXPECT_EQ(places, golden_case["places"]) << golden_case["text"].dump();
    }
    std::vector<TokenId> with_special;
    ASSERT_TRUE(encoder.encode(text, {.add_special_tokens = true}, with_special));
    EXPECT_EQ(Json(with_special), golden_case["with_special"]) << golden_case["text"].dump();
  }
}

TEST_P(Golden, StreamsTheSameText) {
  for (const Json& golden_case : golden_["cases"]) {
    StreamDecoder decoder(*tokenizer_);
    std::string text;
    for (const TokenId id : golden_case["ids"]) {
      text += decoder.push(id);
    }
    text += decoder.finish();
    EXPECT_EQ(text, golden_case["decoded"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Golden,
                         testing::Values("gpt2", "prefix_space_merges_as_strings", "llama3", "qwen2_nfc",
                                         "o200k_removed", "digits", "llama2", "mistral", "gemma", "bpe_unknown",
                                         "unigram", "unigram_bytes", "trained"),
                         [](const auto& file) { return std::string(file.param); });

}  // namespace
}  // namespace luthier::text
