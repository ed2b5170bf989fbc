// Where models keep their templates.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/pipelines/text/chat/dialects.h"

namespace luthier::text {
namespace {

class ChatLoad : public testing::Test {
 protected:
  ChatLoad() : folder_(std::filesystem::temp_directory_path() / ("luthier-chat-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_ / "additional_chat_templates");
  }
  ~ChatLoad() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string text(const char* record) {
    const auto loaded = ChatTemplate::load(folder_);
    if (!loaded) {
      return loaded.error().message;
    }
    const auto chat = render(*loaded, record);
    return chat ? chat->text : chat.error().message;
  }
  std::filesystem::path folder_;
  const char* plain_ = R"({"messages": [{"role": "user", "content": "q"}]})";
  const char* tools_ = R"({"messages": [{"role": "user", "content": "q"}], "tools": [{"function": {"name": "f"}}]})";
};

TEST_F(ChatLoad, TheJinjaFileComesBeforeTheConfiguration) {
  write("tokenizer_config.json", R"({"chat_template": "config", "bos_token": {"content": "<B>"}, "eos_token": null})");
  EXPECT_EQ(text(plain_), "config");
  write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}file");
  EXPECT_EQ(text(plain_), "<B>file");
}

TEST_F(ChatLoad, NamedTemplatesAreChosenByTools) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]})");
  EXPECT_EQ(text(plain_), "plain");
  EXPECT_EQ(text(tools_), "tools");
  write("chat_template.jinja", "file");
  write("additional_chat_templates/tool_use.jinja", "more");
  EXPECT_EQ(text(plain_), "file");
  EXPECT_EQ(text(tools_), "more");
}

TEST_F(ChatLoad, SpecialTokensAlsoComeFromTheirMap) {
  write("special_tokens_map.json", R"({"bos_token": "<map>", "eos_token": {"content": "<end>"}})");
  write("tokenizer_config.json", R"({"bos_token": "<config>"})");
  write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}");
  EXPECT_EQ(text(plain_), "<config><end>");
}

TEST_F(ChatLoad, WhatIsMissingOrBrokenIsNamed) {
  EXPECT_NE(text(plain_).find("has no chat template"), std::string::npos);
  write("tokenizer_config.json", "{");
  EXPECT_NE(text(plain_).find("tokenizer_config.json: this is not JSON"), std::string::npos);
  write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_NE(text(plain_).find("`chat_template` is a text, or a list"), std::string::npos);
  write("tokenizer_config.json", R"({"chat_template": "{% if %}"})");
  EXPECT_EQ(text(plain_), "chat_template:1:7: an expression is due here, not '%}'");
  write("chat_template.jinja", "\n {{ nope.x }}");
  EXPECT_EQ(text(plain_), "chat_template.jinja:2:9: 'nope' is undefined");
}

TEST_F(ChatLoad, ATemplateByItself) {
  write("mine.jinja", "{{ messages[0].content }}!");
  const auto loaded = ChatTemplate::load(folder_ / "mine.jinja");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(render(*loaded, plain_)->text, "q!");
}

}  // namespace
}  // namespace luthier::text
