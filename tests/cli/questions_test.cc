#include "cli/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace luthier::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class QuestionsTest : public ::testing::Test {
 protected:
  Result<std::vector<Question>> read(const std::string& text, int limit = 20) {
    std::ofstream(file_) << text;
    return read_questions(file_.string(), limit);
  }
  ~QuestionsTest() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("questions-" + std::to_string(::getpid()) + ".jsonl");
};

TEST_F(QuestionsTest, PromptsAndChatsAreRead) {
  const auto found = read(R"({"prompt": "a ->", "completion": " b\n"}

{"prompt": "c"}
{"messages": [{"role": "user", "content": "d"}, {"role": "assistant", "content": "e "}]}
{"messages": [{"role": "system", "content": "f"}, {"role": "user", "content": [{"type": "text", "text": "g"}]}]}
{"messages": [{"role": "user", "content": "h"}, {"role": "assistant", "content": "i"}, {"role": "user", "content": "j"},
)"
                          R"({"prompt": "not read"})",
                          4);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  const auto message = [](const char* role, const char* content) { return Json{{"role", role}, {"content", content}}; };
  EXPECT_THAT(
      *found,
      ElementsAre(
          Question{{{"prompt", "a ->"}}, "a ->", "b", false}, Question{{{"prompt", "c"}}, "c", "", true},
          Question{{{"messages", {message("user", "d")}}}, "d", "e", true},
          Question{{{"messages", {message("system", "f"), message("user", "g")}}}, "system: f\nuser: g", "", true}));
}

TEST_F(QuestionsTest, CallsOfToolsBeforeTheAnswerAreAskedWithTheDeclarationsInTheirOrder) {
  const auto found = read(
      R"({"tools": [{"z": 1, "a": 2}], "messages": [{"role": "user", "content": "q"}, )"
      R"({"role": "assistant", "tool_calls": [{"id": "1"}]}, {"role": "tool", "tool_call_id": "1", "content": "7"}, )"
      R"({"role": "assistant", "content": "seven"}]})");
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->front().asked,
            Json::parse(R"({"tools": "[{\"z\":1,\"a\":2}]", "messages": [{"role": "user", "content": "q"},
              {"role": "assistant", "tool_calls": [{"id": "1"}]},
              {"role": "tool", "tool_call_id": "1", "content": "7"}]})"));
  EXPECT_EQ(found->front().shown, "user: q\nassistant: calls [{\"id\":\"1\"}]\ntool: 7");
  EXPECT_EQ(found->front().expected, "seven");
}

TEST_F(QuestionsTest, OnlyTheLastAnswerOfAChatIsExpected) {
  const auto found = read(
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
 {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}, {"role": "user", "content": "e"}]})");
  EXPECT_FALSE(found.has_value());  // a record is one line
  const auto whole = read(
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, )"
      R"({"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}, {"role": "user", "content": "e"}]})");
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  EXPECT_EQ(whole->front().shown, "user: a\nassistant: b\nuser: c");
  EXPECT_EQ(whole->front().expected, "d");
}

TEST_F(QuestionsTest, WhatCannotBeAskedIsRefusedWithItsLine) {
  const struct {
    const char* record;
    const char* message;
  } cases[] = {
      {"[]", "a record must be an object"},
      {"{\"prompt\": 3}", "expected {\"prompt\": text"},
      {"{", "ends without the }"},
      {R"({"messages": []})", "must be a list of"},
      {R"({"messages": [3]})", "each of `messages` must be"},
      {R"({"messages": [{"content": "a"}]})", "each of `messages` must be"},
      {R"({"messages": [{"role": "assistant", "content": "a"}]})", "nothing to ask"},
      {R"({"messages": [{"role": "user", "content": null}]})", "only messages of text can be asked"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})", "leave such records out"},
      {R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": []}]})", "a tool call"},
  };
  for (const auto& [record, message] : cases) {
    const auto found = read("{\"prompt\": \"fine\"}\n" + std::string(record) + "\n");
    ASSERT_FALSE(found.has_value()) << record;
    EXPECT_THAT(found.error().message, HasSubstr(message)) << record;
    EXPECT_THAT(found.error().message, HasSubstr(".jsonl:2:")) << record;
  }
  EXPECT_THAT(read_questions("/nowhere/x.jsonl", 1).error().message, HasSubstr("/nowhere/x.jsonl: cannot be opened"));
}

TEST_F(QuestionsTest, TablesAreReadByTheirColumns) {
  const std::filesystem::path table = file_.string() + ".csv";
  std::ofstream(table) << "id,prompt,completion\n1,a,b\n2,\"c, d\",e\n";
  const auto found = read_questions(table.string(), 5);
  std::filesystem::remove(table);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Question{{{"prompt", "a"}}, "a", "b", true},
                                  Question{{{"prompt", "c, d"}}, "c, d", "e", true}));
}

}  // namespace
}  // namespace luthier::cli
