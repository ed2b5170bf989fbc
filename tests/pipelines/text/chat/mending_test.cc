// What happens to conversations that a template refuses.
#include <gtest/gtest.h>

#include "tests/pipelines/text/chat/dialects.h"

namespace luthier::text {
namespace {

struct Case {
  const char* dialect;
  const char* record;
  const char* text;
  std::vector<std::string> notes;
};

const char* const kTwoQuestions =
    R"({"messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}, {"role": "assistant", "content": "a"}]})";
const char* const kSystem =
    R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})";

TEST(ChatMending, MakesTheTemplateTakeTheConversation) {
  const std::string merged = "turns of one role in a row merged";
  const std::string folded = "system messages folded into the user's turns";
  const Case cases[] = {
      {"gemma",
       kTwoQuestions,
       "<s><start_of_turn>user\none\n\ntwo<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n",
       {merged}},
      {"gemma",
       kSystem,
       "<s><start_of_turn>user\ns\n\nq<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n",
       {folded}},
      {"gemma",
       R"({"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})",
       "<s><start_of_turn>user\nd\n\nq<end_of_turn>\n<start_of_turn>model\na<end_of_turn>\n",
       {"role developer written as system", folded}},
      {"llama2",
       R"({"messages": [{"role": "user", "content": "q"}, {"role": "system", "content": "late"}, {"role": "assistant", "content": "a"}]})",
       "<s>[INST] q\n\nlate [/INST] a </s>",
       {folded}},
      {"llama2",
       R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]})",
       "<s>[INST] q [/INST] a\n\nb </s>",
       {merged}},
      {"chatml",
       R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}, {"role": "assistant", "content": "a"}]})",
       "<|im_start|>user\nxy<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
       {}},
      {"chatml",
       R"({"messages": [{"role": "user"}, {"role": "assistant", "content": "a"}]})",
       "<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
       {"absent content written as empty"}},
      {"chatml",
       kTwoQuestions,
       "<|im_start|>user\none<|im_end|>\n<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n",
       {}},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(std::string(test.dialect) + " " + test.record);
    const auto chat = render(dialect(test.dialect), test.record);
    ASSERT_TRUE(chat) << chat.error().message;
    EXPECT_EQ(chat->text, test.text);
    EXPECT_EQ(chat->notes, test.notes);
  }
}

TEST(ChatMending, KeepsTheMaskOfMergedTurns) {
  const auto chat = render(dialect("llama2"), R"({"messages": [
    {"role": "user", "content": "q"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "a", "weight": 0},
    {"role": "user", "content": "s"}, {"role": "assistant", "content": "b"}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(trained_text(*chat), "[ b </s>]");
}

TEST(ChatMending, WhatCannotBeMendedIsRefusedWithTheTemplatesLine) {
  const char* records[] = {
      R"({"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "q"}]})",
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}, {"role": "assistant", "content": "b"}]})",
  };
  for (const char* record : records) {
    const auto chat = render(dialect("gemma"), record);
    ASSERT_FALSE(chat);
    EXPECT_EQ(chat.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(chat.error().message, "t:5:13: Roles must alternate user/assistant/user/assistant.");
  }
}

TEST(ChatMending, CanBeForbidden) {
  for (const char* record : {kTwoQuestions, kSystem}) {
    const auto chat = dialect("gemma").render(ChatJson::parse(record), {.mend = false});
    ASSERT_FALSE(chat);
    EXPECT_EQ(chat.error().code, ErrorCode::kFailedPrecondition);
  }
}

TEST(ChatMending, ASystemMessageThatTheTemplateWouldDropIsFolded) {
  const auto chat =
      render(parse_template("{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"),
             kSystem);
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->text, "<user>s\n\nq<assistant>a");
}

TEST(ChatMending, SaysThatToolsAreNotWritten) {
  const auto chat = render(dialect("llama3"),
                           R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
    "tools": [{"type": "function", "function": {"name": "f"}}]})");
  ASSERT_TRUE(chat) << chat.error().message;
  ASSERT_EQ(chat->notes.size(), 1U);
  EXPECT_NE(chat->notes[0].find("does not write tools"), std::string::npos);
}

}  // namespace
}  // namespace luthier::text
