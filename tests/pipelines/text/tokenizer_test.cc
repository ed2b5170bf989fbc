#include "pipelines/text/tokenizer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/text/byte_level.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

// Bytes, "ab", "abc", and <s> as a special token; ids by alphabet, then 256, 257, 258.
Json small_tokenizer() {
  Json vocab;
  int id = 0;
  for (const std::string& character : byte_level_alphabet()) {
    vocab[character] = id++;
  }
  vocab["ab"] = 256;
  vocab["abc"] = 257;
  return {{"version", "1.0"},
          {"added_tokens", Json::array({{{"id", 258}, {"content", "<s>"}, {"special", true}, {"normalized", false}}})},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", Json::array({"a b", Json::array({"ab", "c"})})}}}};
}

Tokenizer parsed(const Json& json, std::string_view config = {}) {
  auto tokenizer = Tokenizer::parse(json.dump(), config);
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return std::move(tokenizer).value();
}

// ½ is the bytes c2 bd, whose letters are  and ½; of the two, ½ is a number.
TEST(Tokenizer, StepsBehindAByteLevelSeeTheLettersOfBytes) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["\u00c2\u00bd"] = 259;
  json["model"]["merges"].push_back(Json::array({"\u00c2", "\u00bd"}));
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  const Json digits = {{"type", "Digits"}, {"individual_digits", false}};
  const auto encode = [&](const Json& steps) {
    json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
    return *parsed(json).encode_with_ranges("x\u00bd1abc");
  };
  const Encoding last = encode(Json::array({digits, byte_level}));
  EXPECT_EQ(last.ids, (std::vector<TokenId>{120, 259, 49, 257}));
  const Encoding first = encode(Json::array({byte_level, digits}));
  EXPECT_EQ(first.ids, (std::vector<TokenId>{120, 0xc2, 0xbd, 49, 257}));
  EXPECT_EQ(first.ranges, (std::vector<TextRange>{{0, 1}, {1, 3}, {1, 3}, {3, 4}, {4, 7}}));
}

TEST(Tokenizer, RefusesByNameWhatItDoesNotSupport) {
  using Change = std::function<void(Json&)>;
  const struct {
    Change change;
    const char* part;
  } cases[] = {
      {[](Json& j) { j["model"]["type"] = "WordPiece"; }, "model must be of type \"BPE\""},
      {[](Json& j) { j.erase("model"); }, "model must be"},
      {[](Json& j) { j["model"]["dropout"] = 0.1; }, "model.dropout"},
      {[](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }, "model.end_of_word_suffix"},
      {[](Json& j) { j["model"]["novel"] = 1; }, "model.novel"},
      {[](Json& j) { j["model"]["vocab"].erase("a"); }, "no token for byte 97"},
      {[](Json& j) { j["model"]["vocab"]["ab"] = -1; }, "model.vocab[\"ab\"]"},
      {[](Json& j) { j["model"]["vocab"]["ab"] = 2'000'000'000; }, "far beyond"},
      {[](Json& j) { j["model"]["vocab"]["ab"] = "x"; }, "model.vocab[\"ab\"]"},
      {[](Json& j) { j["model"]["vocab"]["ab"] = 257; }, "has too"},
      {[](Json& j) { j["model"]["vocab"] = Json::array(); }, "model.vocab"},
      {[](Json& j) { j["model"]["merges"] = 3; }, "model.merges"},
      {[](Json& j) { j["model"]["merges"][1] = "ab c d"; }, "model.merges[1]"},
      {[](Json& j) { j["model"]["merges"][0] = "b a"; }, "model.merges[0] names \"ba\""},
      {[](Json& j) {
         j["normalizer"] = {{"type", "BertNormalizer"}};
       },
       "normalizer of type \"BertNormalizer\""},
      {[](Json& j) {
         j["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
       },
       "pre_tokenizer of type"},
      {[](Json& j) { j["pre_tokenizer"] = nullptr; }, "decoder must not be ByteLevel"},
      {[](Json& j) {
         j["pre_tokenizer"] = Json::parse(
             R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"},{"type":"ByteLevel"}]})");
       },
       "pre_tokenizer.pretokenizers[2] of type \"ByteLevel\" is not supported behind a ByteLevel"},
      {[](Json& j) {
         j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "?"}};
       },
       "normalizer.precompiled_charsmap is not base64"},
      {[](Json& j) {
         j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}};
       },
       "normalizer.precompiled_charsmap is too short for a map of characters"},
      {[](Json& j) {
         j["pre_tokenizer"] = Json::parse(R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":
           {"Regex":"a"},"behavior":"Merged","invert":false},{"type":"ByteLevel"}]})");
       },
       "pre_tokenizer.pretokenizers[0].behavior"},
      {[](Json& j) {
         j["pre_tokenizer"] = Json::parse(R"j({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":
           {"Regex":"("},"behavior":"Isolated","invert":false},{"type":"ByteLevel"}]})j");
       },
       "pre_tokenizer.pretokenizers[0].pattern.Regex"},
      {[](Json& j) {
         j["post_processor"] = {{"type", "BertProcessing"}};
       },
       "post_processor"},
      {[](Json& j) {
         j["post_processor"] = Json::parse(R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>"}}],
           "special_tokens":{}})");
       },
       "post_processor.single[0]"},
      {[](Json& j) {
         j["post_processor"] = Json::parse(R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<x>"}},
           {"Sequence":{"id":"A"}}],"special_tokens":{"<x>":{"ids":[9999]}}})");
       },
       "inserts id 9999"},
      {[](Json& j) {
         j["decoder"] = {{"type", "WordPiece"}};
       },
       "decoder"},
      {[](Json& j) { j["added_tokens"][0]["lstrip"] = 1; }, "added_tokens[0].lstrip"},
      {[](Json& j) { j["added_tokens"][0]["id"] = 3; }, "added_tokens[0].id"},
      {[](Json& j) { j["added_tokens"][0].erase("content"); }, "added_tokens[0]"},
      {[](Json& j) { j["novel"] = 1; }, "member.novel"},
      {[](Json& j) { j = Json::array(); }, "not a JSON object"},
  };
  for (const auto& test_case : cases) {
    Json json = small_tokenizer();
    test_case.change(json);
    const auto tokenizer = Tokenizer::parse(json.dump());
    ASSERT_FALSE(tokenizer) << test_case.part;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(tokenizer.error().message.find(test_case.part), std::string::npos)
        << tokenizer.error().message << " lacks " << test_case.part;
  }
}

TEST(Tokenizer, FindsSpecialTokensOnlyWhenAskedTo) {
  const Tokenizer tokenizer = parsed(small_tokenizer());
  EXPECT_EQ(*tokenizer.encode("abc<s>ab"), (std::vector<TokenId>{257, 258, 256}));
  const auto plain = tokenizer.encode("abc<s>ab", {.parse_special_tokens = false});
  ASSERT_TRUE(plain);
  EXPECT_EQ(tokenizer.decode(*plain), "abc<s>ab");
  for (const TokenId id : *plain) {
    EXPECT_NE(id, 258);
  }
}

TEST(Tokenizer, TakesTheLongestAddedTokenAtTheLeftmostPlace) {
  Json json = small_tokenizer();
  json["added_tokens"].push_back({{"id", 259}, {"content", "<s><s>"}, {"special", false}, {"normalized", false}});
  json["added_tokens"].push_back({{"id", 260}, {"content", "s><"}, {"special", false}, {"normalized", false}});
  const Tokenizer tokenizer = parsed(json);
  EXPECT_EQ(*tokenizer.encode("<s><s><s>"), (std::vector<TokenId>{259, 258}));
  EXPECT_EQ(*tokenizer.encode("s><s>"),
            (std::vector<TokenId>{260, *tokenizer.token_to_id("s"), *tokenizer.token_to_id(">")}));
}

TEST(Tokenizer, KnowsItsSpecialIds) {
  const Tokenizer tokenizer =
      parsed(small_tokenizer(), R"({"bos_token":"<s>","eos_token":{"content":"abc"},"pad_token":null})");
  EXPECT_EQ(tokenizer.bos(), 258);
  EXPECT_EQ(tokenizer.eos(), 257);
  EXPECT_EQ(tokenizer.pad(), std::nullopt);
  EXPECT_TRUE(tokenizer.is_special(258));
  EXPECT_FALSE(tokenizer.is_special(257));
  EXPECT_FALSE(tokenizer.is_special(-1));
  EXPECT_FALSE(tokenizer.is_special(1'000'000));
  EXPECT_EQ(tokenizer.decode({258, 257}, true), "abc");
  const auto unknown = Tokenizer::parse(small_tokenizer().dump(), R"({"eos_token":"</s>"})");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("eos_token \"</s>\""), std::string::npos) << unknown.error().message;
}

TEST(Tokenizer, IdsThatDoNotExistDecodeToNothing) {
  const Tokenizer tokenizer = parsed(small_tokenizer());
  EXPECT_EQ(tokenizer.decode({-1, 257, 5'000, 2'000'000'000}), "abc");
  EXPECT_EQ(tokenizer.id_to_token(-1), std::nullopt);
  EXPECT_EQ(tokenizer.id_to_token(5'000), std::nullopt);
  EXPECT_EQ(tokenizer.id_to_token(257), "abc");
  EXPECT_EQ(tokenizer.token_to_id("nothing"), std::nullopt);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const auto ids = parsed(small_tokenizer()).encode("ab\xff");
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().message, "the text is not UTF-8 at byte 2");
}

TEST(Tokenizer, LoadsAFolderAndNamesItInErrors) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tokenizer.XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  EXPECT_FALSE(Tokenizer::load(folder));
  ASSERT_TRUE(write_file_atomically(folder / "tokenizer.json", small_tokenizer().dump()));
  EXPECT_TRUE(Tokenizer::load(folder));
  ASSERT_TRUE(write_file_atomically(folder / "tokenizer_config.json", "[]"));
  const auto wrong = Tokenizer::load(folder);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find(folder.string()), std::string::npos);
  std::filesystem::remove_all(folder);
}

// 1 MB of one letter, of spaces, of "ab": with quadratic work these would take minutes.
TEST(Tokenizer, LongRepeatsCostLittle) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["aa"] = 259;
  json["model"]["vocab"]["aaaa"] = 260;
  json["model"]["merges"].push_back("a a");
  json["model"]["merges"].push_back("aa aa");
  const Tokenizer tokenizer = parsed(json);
  const std::size_t size = 1 << 20;
  EXPECT_EQ(tokenizer.encode(std::string(size, 'a'))->size(), size / 4);
  EXPECT_EQ(tokenizer.encode(std::string(size, ' '))->size(), size);
  std::string pairs;
  while (pairs.size() < size) {
    pairs += "ab";
  }
  EXPECT_EQ(tokenizer.encode(pairs)->size(), size / 2);
}

TEST(Tokenizer, GivesEveryTokenItsRangeOfWholeCharacters) {
  const Tokenizer tokenizer = parsed(small_tokenizer());
  const auto encoding = tokenizer.encode_with_ranges("abc<s>\u00e9 c");
  ASSERT_TRUE(encoding);
  const auto id = [&](const char* token) { return *tokenizer.token_to_id(token); };
  EXPECT_EQ(encoding->ids, (std::vector<TokenId>{257, 258, id("\u00c3"), id("\u00a9"), id("\u0120"), id("c")}));
  EXPECT_EQ(encoding->ranges, (std::vector<TextRange>{{0, 3}, {3, 6}, {6, 8}, {6, 8}, {8, 9}, {9, 10}}));
}

}  // namespace
}  // namespace luthier::text
