#include "pipelines/text/chat/answer_frame.h"

#include <gtest/gtest.h>

#include <fstream>

namespace luthier::text {
namespace {

TEST(AnswerFrame, IsWhatEachDialectPutsAroundTheWordsOfAnAnswer) {
  const struct {
    const char* dialect;
    const char* opening;
    const char* ending;
  } cases[] = {
      {"chatml", "", "<|im_end|>"},   {"deepseek", "", "<｜end▁of▁sentence｜>"},
      {"gemma", "", "<end_of_turn>"}, {"llama2", " ", "</s>"},
      {"llama3", "", "<|eot_id|>"},   {"llama31", "", "<|eot_id|>"},
      {"mistral", " ", "</s>"},       {"phi", "", "<|end|>"},
      {"qwen25", "", "<|im_end|>"},   {"qwen3", "<think>\n\n</think>\n\n", "<|im_end|>"},
  };
  for (const auto& expected : cases) {
    const std::string folder = LUTHIER_SOURCE_DIR "/tests/golden/templates/";
    std::ifstream source(folder + expected.dialect + ".jinja");
    const std::string text{std::istreambuf_iterator<char>(source), {}};
    const auto chat = ChatTemplate::parse({{"default", "t", text}}, {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
    ASSERT_TRUE(chat) << chat.error().message;
    const AnswerFrame frame = answer_frame(*chat);
    EXPECT_EQ(frame.opening, expected.opening) << expected.dialect;
    EXPECT_EQ(frame.ending, expected.ending) << expected.dialect;
  }
}

TEST(AnswerFrame, IsEmptyWhereATemplateDoesNotLetItBeSeen) {
  for (const char* text : {"{{ raise_exception('no') }}", "always this", "{{ messages|length }}"}) {
    const auto chat = ChatTemplate::parse({{"default", "t", text}}, ChatJson::object());
    ASSERT_TRUE(chat);
    EXPECT_EQ(answer_frame(*chat).opening + answer_frame(*chat).ending, "") << text;
  }
}

}  // namespace
}  // namespace luthier::text
