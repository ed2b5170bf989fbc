// The checks that need tokens, with a tokenizer whose tokens are single bytes but for two words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/text/trainer.h"
#include "tests/pipelines/data/check/check_text.h"

namespace luthier::data::check {
namespace {

using testing::HasSubstr;

text::Tokenizer byte_tokenizer() {
  const auto json = text::train_byte_level_bpe({"yes", "yes", "no", "no"}, 256 + 3, {});  // "es", "no" and "yes"
  EXPECT_TRUE(json.has_value());
  return *text::Tokenizer::parse(*json);
}

std::string first_message(const Report& report, const std::string& code) {
  const auto found = report.findings.by_code().find(code);
  return found == report.findings.by_code().end() ? "" : found->second.first.front().message;
}

TEST(Tokens, AreCountedAsTheNotebookDoes) {
  const Report report =
      check_text(R"({"messages":[{"role":"user","content":"abc"},{"role":"assistant","content":"yes"}]})", "f.jsonl",
                 {.tokenizer = byte_tokenizer()});
  // 3 a message, 3 a conversation, the letters of the roles, 3 letters and one word.
  EXPECT_EQ(report.tokens->tokens, 2 * 3 + 3 + 4 + 9 + 3 + 1);
  EXPECT_EQ(report.tokens->most, report.tokens->tokens);
  EXPECT_EQ(report.tokens->most_line, 1);
}

TEST(Tokens, SayWhatTruncationWouldDrop) {
  const std::string record =
      R"({"messages":[{"role":"user","content":"abc"},{"role":"assistant","content":"yes"},{"role":"user","content":"abc"},{"role":"assistant","content":"no"}]})";
  const auto message = [&](std::int64_t context) {
    return first_message(check_text(record, "f.jsonl", {.tokenizer = byte_tokenizer(), .context = context}),
                         "over_long");
  };
  EXPECT_EQ(message(49), "");
  EXPECT_THAT(message(48), HasSubstr("49 tokens, 1 more than the context of 48: truncation cuts message 4 of 4"));
  EXPECT_THAT(message(30), HasSubstr("truncation cuts message 3 of 4 and drops those after it"));
  EXPECT_THAT(message(8),
              HasSubstr("truncation cuts message 1 of 4 and drops those after it; no assistant message is left"));
  EXPECT_THAT(first_message(check_text(R"({"prompt":"abcde","completion":"fghij"})", "f.jsonl",
                                       {.tokenizer = byte_tokenizer(), .context = 7}),
                            "over_long"),
              HasSubstr("truncation keeps 2 of the completion's 5 tokens"));
}

TEST(Tokens, OfClassesShouldBeOneEach) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += R"({"prompt":"p)" + std::to_string(i) + R"(","completion":")" +
            std::vector<std::string>{"yes", "no", "yellow", "yak"}[static_cast<std::size_t>(i) % 4] + "\"}\n";
  }
  const Report report = check_text(text, "f.jsonl", {.tokenizer = byte_tokenizer()});
  EXPECT_EQ(counts_of(report), (Counts{{"few_examples_of_class", 4}, {"label_tokens", 2}, {"label_first_token", 1}}));
  ASSERT_EQ(report.labels.size(), 4U);
  EXPECT_EQ(report.labels[0].tokens, 1);
  EXPECT_EQ(report.labels[2].tokens, 6) << "y e l l o w";
}

}  // namespace
}  // namespace luthier::data::check
