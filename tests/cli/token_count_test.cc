#include "cli/token_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "pipelines/text/trainer.h"

namespace luthier::cli {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

// Every byte is a token.
data::tokens::ModelText bytes_model() {
  const std::string json = text::train_byte_level_bpe({"x"}, 257, {std::string(text::kEndOfText)}).value();
  data::tokens::ModelText model;
  model.tokenizer = text::Tokenizer::parse(json, text::tokenizer_config_json(text::kEndOfText)).value();
  model.chat = text::ChatTemplate::parse({{"default", "t",
                                           "{% for m in messages %}<{{ m.role[0] }}:{{ m.content }}>{% endfor %}"
                                           "{% if add_generation_prompt %}<a:{% endif %}"}},
                                         text::ChatJson::object())
                   .value();
  return model;
}

class TokenCountTest : public ::testing::Test {
 protected:
  Result<DatasetTokens> count(const std::string& data, std::int64_t length_max = 100, std::uint64_t bytes_max = 1 << 20,
                              std::int64_t row_tokens = 0) {
    std::ofstream(file_) << data;
    return count_dataset(file_, bytes_model(), {length_max, bytes_max, row_tokens});
  }
  ~TokenCountTest() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("tokens-" + std::to_string(::getpid()) + ".jsonl");
};

TEST_F(TokenCountTest, CountsWhatTheModelSees) {
  const struct {
    const char* data;
    std::int64_t length_max, examples, tokens;
    std::int64_t row_tokens = 0;
  } cases[] = {
      {R"({"prompt": "abc", "completion": "de"})", 100, 1, 5},  // abcde and its end; the last is only asked for
      {"{\"prompt\": \"abc\", \"completion\": \"de\"}\n\n{\"prompt\": \"a\", \"completion\": \"b\"}\n", 100, 2, 7},
      {R"({"prompt": "abcdef", "completion": "gh"})", 4, 1, 4},  // it loses the beginning of its prompt
      {R"({"prompt": "abc", "completion": "defghij"})", 4, 1, 4},
      {"{\"text\": \"abc\"}\n{\"text\": \"defg\"}\n", 100, 1, 8},  // abc, end, defg, end
      {"{\"text\": \"abc\"}\n{\"text\": \"defg\"}\n", 3, 3, 8},
      // <u:ab><a:cde>, of which the last is only asked for
      {R"({"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cde"}]})", 100, 1, 12},
      {R"({"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cde"}]})", 10, 1, 10},
      {R"({"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cde"}]})", 7, 0, 0},
      // In rows of 9 tokens: two samples of 6 and 4 ids in two rows; a text of 14 ids in two parts.
      {"{\"prompt\": \"abc\", \"completion\": \"de\"}\n{\"prompt\": \"a\", \"completion\": \"bc\"}\n", 100, 2, 8, 9},
      {R"({"text": "abcdefghijklm"})", 100, 2, 13, 9},
  };
  for (const auto& [data, length_max, examples, tokens, row_tokens] : cases) {
    const auto found = count(data, length_max, 1 << 20, row_tokens);
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_EQ(found->examples, examples) << data;
    EXPECT_EQ(found->tokens, tokens) << data;
    EXPECT_FALSE(found->estimated());
  }
}

TEST_F(TokenCountTest, EstimatesTheRestOfALongFileAndSaysSo) {
  std::string data;
  for (int i = 0; i < 100; ++i) {
    data += "{\"prompt\": \"abc\", \"completion\": \"de\"}\n";
  }
  const auto found = count(data, 100, data.size() / 4);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->estimated());
  EXPECT_EQ(found->tokens, 500);
  EXPECT_EQ(found->examples, 100);
  EXPECT_EQ(found->counted_of, data.size());
}

TEST_F(TokenCountTest, ARecordThatNobodyCanTrainOnIsNamed) {
  const auto found = count("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"answer\": 1}\n");
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr(".jsonl:2: this is no record that training reads"));
}

TEST_F(TokenCountTest, OfPackedDataAreInItsDescription) {
  std::ofstream(file_) << R"({"bins": 9, "tokens": 1735, "segments": 12, "samples": 12})";
  const auto found = count_packed(file_);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->examples, 9);
  EXPECT_EQ(found->tokens, 1'723);
  EXPECT_EQ(
      tokens_of_training(Json::parse(R"({"method": {"supervised": {"max_steps": 2, "batch_size": 3}}})"), *found).how,
      "1,723 an epoch, 2 steps of 3 rows");
  std::ofstream(file_, std::ios::trunc) << "{}";
  EXPECT_FALSE(count_packed(file_));
}

TEST(TrainingTokens, GoWithEpochsOrSteps) {
  const DatasetTokens data{.examples = 100, .tokens = 1'000};
  const struct {
    const char* with;
    std::int64_t value;
    const char* how;
  } cases[] = {
      {"{}", 3'000, "1,000 an epoch, 3 epochs"},
      {R"({"method": {"supervised": {"n_epochs": 2}}})", 2'000, "1,000 an epoch, 2 epochs"},
      {R"({"method": {"supervised": {"n_epochs": "auto"}}})", 3'000, "1,000 an epoch, 3 epochs"},
      {R"({"method": {"pretrain": {}}})", 1'000, "1,000 an epoch, 1 epoch"},
      {R"({"method": {"supervised": {"max_steps": 5, "batch_size": 10}}})", 500,
       "1,000 an epoch, 5 steps of 10 examples"},
      {R"({"method": {"supervised": {"max_steps": 5, "batch_size": "auto"}}})", 200,
       "1,000 an epoch, 5 steps of 4 examples"},
      {R"({"method": {"supervised": {"max_steps": 5000, "batch_size": 10}}})", 3'000, "1,000 an epoch, 3 epochs"},
  };
  for (const auto& [with, value, how] : cases) {
    const TrainingTokens tokens = tokens_of_training(Json::parse(with), data);
    EXPECT_EQ(tokens.value, value) << with;
    EXPECT_EQ(tokens.how, how) << with;
  }
  EXPECT_EQ(tokens_of_training(Json::parse(R"({"method": {"supervised": {"n_epochs": "auto"}}})"), {10, 100}).value,
            1'000);  // few examples are seen more often
  EXPECT_EQ(input_length_of(Json::parse(R"({"method": {"supervised": {"max_tokens": 64}}})"), 256), 64);
  EXPECT_EQ(input_length_of(Json::object(), 256), 256);
}

}  // namespace
}  // namespace luthier::cli
