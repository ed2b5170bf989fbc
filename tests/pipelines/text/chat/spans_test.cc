// Which bytes are trained.
#include <gtest/gtest.h>

#include "tests/pipelines/text/chat/dialects.h"

namespace luthier::text {
namespace {

struct Case {
  const char* name;
  const char* dialect;
  const char* record;
  const char* trained;
};

const Case kCases[] = {
    {"two turns", "chatml",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
                      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]})",
     "[a<|im_end|>][b<|im_end|>]"},
    {"weight 0 is not trained", "chatml",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0},
                      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b", "weight": 1}]})",
     "[b<|im_end|>]"},
    {"weights that train nothing", "chatml",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}]})", ""},
    {"a weight of the user changes nothing", "chatml",
     R"({"messages": [{"role": "user", "content": "q", "weight": 1}, {"role": "assistant", "content": "a"}]})",
     "[a<|im_end|>]"},
    {"the same words in question and answer", "chatml",
     R"({"messages": [{"role": "user", "content": "aaa"}, {"role": "assistant", "content": "aaa"},
                      {"role": "user", "content": "aaa"}, {"role": "assistant", "content": "aaa"}]})",
     "[aaa<|im_end|>][aaa<|im_end|>]"},
    {"an empty answer trains its end", "chatml",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]})", "[<|im_end|>]"},
    {"a template without generation prompt", "llama2",
     R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
                      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]})",
     "[ a </s>][ b </s>]"},
    {"calls of tools", "qwen25",
     R"({"messages": [{"role": "user", "content": "q"},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
          {"role": "tool", "tool_call_id": "c", "content": "2"}, {"role": "assistant", "content": "two"}]})",
     "[<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>][two<|im_end|>]"},
    {"a call of weight 0", "qwen25",
     R"({"messages": [{"role": "user", "content": "q"},
          {"role": "assistant", "weight": 0, "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {}}}]},
          {"role": "tool", "tool_call_id": "c", "content": "2"}, {"role": "assistant", "content": "two"}]})",
     "[two<|im_end|>]"},
    {"thoughts that the template drops from earlier turns", "qwen3",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\nt\n</think>\n\na"},
                      {"role": "user", "content": "r"}, {"role": "assistant", "content": "<think>\nu\n</think>\n\nb"}]})",
     "[a<|im_end|>][<think>\nu\n</think>\n\nb<|im_end|>]"},
    {"a prompt that opens thoughts which the text does not have", "deepseek",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>t</think>a"},
                      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]})",
     "[a<｜end▁of▁sentence｜>][b<｜end▁of▁sentence｜>]"},
    {"trimmed content", "gemma",
     R"({"messages": [{"role": "user", "content": " q "}, {"role": "assistant", "content": "  a  "}]})",
     "[a<end_of_turn>]"},
    {"legacy function_call", "qwen25",
     R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
                      {"role": "function", "name": "f", "content": "2"}, {"role": "assistant", "content": "two"}]})",
     "[<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call><|im_end|>][two<|im_end|>]"},
};

TEST(ChatSpans, TrainWhatTheModelHasToWrite) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    for (const bool generation : {true, false}) {
      const ChatTemplate chat_template = generation ? dialect(test.dialect) : dialect_without_generation(test.dialect);
      const auto chat = render(chat_template, test.record);
      ASSERT_TRUE(chat) << chat.error().message;
      EXPECT_EQ(trained_text(*chat), test.trained) << chat->text;
    }
  }
}

TEST(ChatSpans, CoverTheTextWithoutGaps) {
  const auto chat = render(dialect("chatml"), kCases[0].record, true);
  ASSERT_TRUE(chat);
  ASSERT_EQ(chat->spans.size(), 5U);
  std::size_t at = 0;
  for (const ChatSpan& span : chat->spans) {
    EXPECT_EQ(span.begin, at);
    EXPECT_GT(span.end, span.begin);
    at = span.end;
  }
  EXPECT_EQ(at, chat->text.size());
}

TEST(ChatSpans, ATurnThatTheTemplateLeavesOutIsSaid) {
  const auto chat =
      render(parse_template("{% for m in messages if m.role == 'user' %}{{ m.content }}\n{% endfor %}"),
             R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(trained_text(*chat), "");
  ASSERT_EQ(chat->notes.size(), 1U);
  EXPECT_EQ(chat->notes[0], "messages[1] is not trained: the template leaves it out");
}

TEST(ChatSpans, ATemplateThatAlwaysPromptsTrainsNoPrompt) {
  const auto chat = render(
      parse_template("{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"),
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"},
                       {"role": "assistant", "content": "b"}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(trained_text(*chat), "[a<end>][b<end>]");
}

TEST(ChatSpans, AGenerationBlockInAMacroIsFoundByDifferences) {
  const auto chat = render(
      parse_template(
          "{% macro turn(m) %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<end>"
          "{% endgeneration %}{% else %}{{ m.content }}<end>{% endif %}{% endmacro %}"
          "{% for m in messages %}{{ turn(m) }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"),
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->source, SpanSource::kDifferences);
  EXPECT_EQ(trained_text(*chat), "[a<end>]");
}

TEST(ChatSpans, AllRenderingsOfAConversationShareTheirSteps) {
  const ChatTemplate slow = parse_template(
      "{% for m in messages %}{% for i in range(100) %}{% endfor %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}");
  ChatJson record = {{"messages", ChatJson::array()}};
  for (int i = 0; i < 20; ++i) {
    record["messages"].push_back({{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", std::to_string(i)}});
  }
  const auto steps = [&](std::size_t most, bool find_spans) {
    return slow.render(record, {.find_spans = find_spans, .limits = {.steps_max = most}});
  };
  EXPECT_TRUE(steps(4'000, false)) << "one rendering needs fewer";
  const auto chat = steps(2'500, true);
  ASSERT_FALSE(chat);
  EXPECT_EQ(chat.error().code, ErrorCode::kResourceExhausted) << chat.error().message;
  EXPECT_TRUE(steps(100'000, true));
}

TEST(ChatSpans, AreNotLookedForWhenNobodyAsks) {
  const auto chat = dialect("chatml").render(ChatJson::parse(kCases[0].record), {.find_spans = false});
  ASSERT_TRUE(chat);
  EXPECT_TRUE(chat->spans.empty());
}

}  // namespace
}  // namespace luthier::text
