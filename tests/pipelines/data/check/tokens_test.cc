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

std::shared_ptr<const tokens::ModelText> byte_model(const std::string& chat_template = "") {
  tokens::ModelText model;
  model.tokenizer = byte_tokenizer();
  model.no_chat = "m has no chat template";
  if (!chat_template.empty()) {
    auto chat = text::ChatTemplate::parse({{"default", "t", chat_template}}, text::ChatJson::object());
    EXPECT_TRUE(chat.has_value());
    model.chat = std::move(*chat);
  }
  return std::make_shared<const tokens::ModelText>(std::move(model));
}

std::string first_message(const Report& report, const std::string& code) {
  const auto found = report.findings.by_code().find(code);
  return found == report.findings.by_code().end() ? "" : found->second.first.front().message;
}

TEST(Tokens, AreCountedAsTheNotebookDoes) {
  const Report report =
      check_text(R"({"messages":[{"role":"user","content":"abc"},{"role":"assistant","content":"yes"}]})", "f.jsonl",
                 {.model = byte_model()});
  // 3 a message, 3 a conversation, the letters of the roles, 3 letters and one word.
  EXPECT_EQ(report.tokens->tokens, 2 * 3 + 3 + 4 + 9 + 3 + 1);
  EXPECT_EQ(report.tokens->most, report.tokens->tokens);
  EXPECT_EQ(report.tokens->most_line, 1);
}

TEST(Tokens, SayWhatTruncationWouldDrop) {
  const std::string record =
      R"({"messages":[{"role":"user","content":"abc"},{"role":"assistant","content":"yes"},{"role":"user","content":"abc"},{"role":"assistant","content":"no"}]})";
  const auto message = [&](std::int64_t context) {
    return first_message(check_text(record, "f.jsonl", {.model = byte_model(), .context = context}), "over_long");
  };
  EXPECT_EQ(message(49), "");
  EXPECT_THAT(message(48), HasSubstr("49 tokens, 1 more than the context of 48: truncation cuts message 4 of 4"));
  EXPECT_THAT(message(30), HasSubstr("truncation cuts message 3 of 4 and drops those after it"));
  EXPECT_THAT(message(8),
              HasSubstr("truncation cuts message 1 of 4 and drops those after it; no assistant message is left"));
  EXPECT_THAT(first_message(check_text(R"({"prompt":"abcde","completion":"fghij"})", "f.jsonl",
                                       {.model = byte_model(), .context = 7}),
                            "over_long"),
              HasSubstr("truncation keeps 2 of the completion's 5 tokens"));
}

TEST(Tokens, AreThoseOfTheTemplateWhereItIsTheRule) {
  const auto model = byte_model(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
      "<{{ m.role[0] }}:{{ m.content }}>{% endfor %}{% if add_generation_prompt %}<a:{% endif %}");
  const auto check = [&](const std::string& record, std::int64_t context, bool mend = true) {
    CheckOptions options{.model = model, .rule = tokens::CountRule::kTemplate, .context = context};
    options.chat.mend = mend;
    return check_text(record, "f.jsonl", options);
  };
  const std::string record =  // "<u:abc><a:xyz>", of which "xyz>" is learned
      R"({"messages":[{"role":"user","content":"abc"},{"role":"assistant","content":"xyz"}]})";
  const Report report = check(record, 0);
  EXPECT_EQ(report.tokens->tokens, 14);
  EXPECT_THAT(to_text(report, false), HasSubstr("by the model's own chat template"));
  EXPECT_EQ(to_json(report)["tokens"]["rule"], "template");
  const struct {
    std::string record;
    std::int64_t context;
    std::string cut;
  } cases[] = {
      {record, 13, ""},  // the last token is only asked for
      {record, 12, "14 tokens, 2 more than the context of 12: training drops the end, and with it 1 of the 4 tokens"},
      {record, 8, "and with it 4 of the 4 tokens to learn; nothing is left to learn from"},
      {R"({"prompt":"abcde","completion":"fghij"})", 9, ""},
      {R"({"prompt":"abcde","completion":"fghij"})", 6, "training drops the first 3 tokens of the prompt"},
      {R"({"prompt":"abcde","completion":"fghij"})", 2,
       "drops the first 4 tokens of the prompt and the last 3 of the completion"},
      {R"({"text":"abcdefghijkl"})", 4, ""},
  };
  for (const auto& test_case : cases) {
    const std::string found = first_message(check(test_case.record, test_case.context), "over_long");
    EXPECT_THAT(found,
                test_case.cut.empty() ? testing::Eq("") : testing::Matcher<std::string>(HasSubstr(test_case.cut)))
        << test_case.record << test_case.context;
  }
  const std::string system =
      R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}]})";
  EXPECT_EQ(first_message(check(system, 0), "template_refused"), "");
  EXPECT_THAT(first_message(check(system, 0, false), "template_refused"), HasSubstr("no system"));
  EXPECT_EQ(first_message(check(R"({"messages":[]})", 0), "template_refused"), "") << "has its own complaint";
}

TEST(Tokens, OfClassesShouldBeOneEach) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += R"({"prompt":"p)" + std::to_string(i) + R"(","completion":")" +
            std::vector<std::string>{"yes", "no", "yellow", "yak"}[static_cast<std::size_t>(i) % 4] + "\"}\n";
  }
  const Report report = check_text(text, "f.jsonl", {.model = byte_model()});
  EXPECT_EQ(counts_of(report), (Counts{{"few_examples_of_class", 4}, {"label_tokens", 2}, {"label_first_token", 1}}));
  ASSERT_EQ(report.labels.size(), 4U);
  EXPECT_EQ(report.labels[0].tokens, 1);
  EXPECT_EQ(report.labels[2].tokens, 6) << "y e l l o w";
}

}  // namespace
}  // namespace luthier::data::check
