// The templates of tests/golden/templates, written for this project in the dialects of well-known models.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "pipelines/text/chat/chat_template.h"

namespace luthier::text {

inline constexpr const char* kDialects[] = {"chatml",  "deepseek", "gemma", "llama2", "llama3",
                                            "llama31", "mistral",  "phi",   "qwen25", "qwen3"};

inline std::string read_golden(const std::string& name) {
  std::ifstream file(std::string(LUTHIER_SOURCE_DIR) + "/tests/golden/templates/" + name);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::tm golden_date() {
  std::tm date{};
  date.tm_year = 126;
  date.tm_mday = 5;
  date.tm_wday = 1;
  return date;
}

inline ChatJson golden_tokens() { return {{"bos_token", "<s>"}, {"eos_token", "</s>"}}; }

inline ChatTemplate parse_template(const std::string& source) {
  auto parsed = ChatTemplate::parse({{"default", "t", source}}, golden_tokens());
  EXPECT_TRUE(parsed) << parsed.error().message;
  return std::move(*parsed);
}

inline ChatTemplate dialect(const std::string& name) { return parse_template(read_golden(name + ".jinja")); }

// The same template without {% generation %}: what most models have.
inline ChatTemplate dialect_without_generation(const std::string& name) {
  const std::string source = std::regex_replace(
      std::regex_replace(read_golden(name + ".jinja"), std::regex("\\{%(-?) generation (-?)%\\}"), "{%$1 if true $2%}"),
      std::regex("\\{%(-?) endgeneration (-?)%\\}"), "{%$1 endif $2%}");
  EXPECT_EQ(source.find("generation %"), std::string::npos);
  return parse_template(source);
}

inline Result<RenderedChat> render(const ChatTemplate& chat_template, const char* record, bool prompt = false) {
  return chat_template.render(ChatJson::parse(record), {.add_generation_prompt = prompt, .date = golden_date()});
}

// The trained parts, each in [brackets].
inline std::string trained_text(const RenderedChat& chat) {
  std::string text;
  for (const ChatSpan& span : chat.spans) {
    text += span.trained ? "[" + chat.text.substr(span.begin, span.end - span.begin) + "]" : "";
  }
  return text;
}

}  // namespace luthier::text
