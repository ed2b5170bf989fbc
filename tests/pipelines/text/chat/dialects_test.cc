// Every dialect over the conversations of tests/oracle/conversations.py: texts and masks as transformers gives them.
#include "tests/pipelines/text/chat/dialects.h"

#include <gtest/gtest.h>

#include "pipelines/text/jinja/jinja.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text {
namespace {

class Dialects : public testing::TestWithParam<const char*> {};

bool ends_with_assistant(const ChatJson& messages) {
  return !messages.empty() && messages.back().at("role") == "assistant";
}

ChatJson character_spans(const std::string& text, const std::vector<jinja::Generation>& generations) {
  ChatJson spans;
  for (const auto& block : generations) {
    spans.push_back({jinja::count_characters(std::string_view(text).substr(0, block.begin)),
                     jinja::count_characters(std::string_view(text).substr(0, block.end))});
  }
  return spans;
}

TEST_P(Dialects, TextsAndMasksEqualThoseOfTransformers) {
  const ChatJson chats = ChatJson::parse(read_golden("chats.json"));
  const ChatJson golden = ChatJson::parse(read_golden(std::string(GetParam()) + ".json"));
  const auto parsed = jinja::Template::parse(read_golden(std::string(GetParam()) + ".jinja"), "t");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_GE(golden.size(), 40U);
  ASSERT_EQ(golden.size(), chats.size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    SCOPED_TRACE(chats[i].dump());
    ChatJson variables = golden_tokens();
    variables["messages"] = chats[i]["messages"];
    variables["tools"] = chats[i]["tools"];
    variables["documents"] = nullptr;
    variables["add_generation_prompt"] = !ends_with_assistant(chats[i]["messages"]);
    const auto rendered = parsed->render(variables, golden_date());
    ASSERT_EQ(golden[i].contains("text"), rendered.has_value());
    if (rendered) {
      EXPECT_EQ(rendered->text, golden[i]["text"].get<std::string>());
      EXPECT_EQ(character_spans(rendered->text, rendered->generations), golden[i].value("generations", ChatJson()));
    } else {
      EXPECT_EQ(rendered.error().code == ErrorCode::kFailedPrecondition, golden[i]["fails"] == "refused");
    }
  }
}

// Without its generation blocks a template gives the same mask, found by differences.
TEST_P(Dialects, DifferencesFindWhatGenerationBlocksSay) {
  const ChatTemplate with = dialect(GetParam());
  const ChatTemplate without = dialect_without_generation(GetParam());
  int compared = 0;
  for (const ChatJson& chat : ChatJson::parse(read_golden("chats.json"))) {
    SCOPED_TRACE(chat.dump());
    const auto said = with.render(chat, {.date = golden_date()});
    const auto found = without.render(chat, {.date = golden_date()});
    if (!said) {
      EXPECT_FALSE(found);
      continue;
    }
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(said->text, found->text);
    EXPECT_EQ(trained_text(*said), trained_text(*found));
    compared += said->source == SpanSource::kGeneration ? 1 : 0;
  }
  EXPECT_GE(compared, 25);
}

INSTANTIATE_TEST_SUITE_P(All, Dialects, testing::ValuesIn(kDialects),
                         [](const auto& dialect) { return std::string(dialect.param); });

}  // namespace
}  // namespace luthier::text
