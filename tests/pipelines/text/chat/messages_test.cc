// OpenAI's records as templates expect them.
#include "pipelines/text/chat/messages.h"

#include <gtest/gtest.h>

namespace luthier::text {
namespace {

TEST(ChatMessages, TranslateCallsAndAnswers) {
  const auto chat = read_chat(ChatJson::parse(R"({"functions": [{"name": "f"}], "messages": [
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"b\": 1, \"a\": [2]}"}},
    {"role": "function", "name": "f", "content": "3"},
    {"role": "assistant", "tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "not json"}}]},
    {"role": "assistant", "content": null, "refusal": "I cannot."}]})"));
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->tools.dump(), R"([{"type":"function","function":{"name":"f"}}])");
  EXPECT_EQ(chat->messages[1].dump(),
            R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",)"
            R"("function":{"name":"f","arguments":{"b":1,"a":[2]}}}]})");
  EXPECT_EQ(chat->messages[2].dump(), R"({"role":"tool","name":"f","content":"3","tool_call_id":"call_1"})");
  EXPECT_EQ(chat->messages[3]["tool_calls"][0]["function"]["arguments"], "not json");
  EXPECT_EQ(chat->messages[4]["content"], "I cannot.");
  EXPECT_EQ(chat->trained, (std::vector<bool>{false, true, false, true, true}));
}

TEST(ChatMessages, RefuseWhatIsNoChat) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"prompt": "x"})", "this record is no chat: it has no list 'messages'"},
      {R"({"messages": "x"})", "this record is no chat: it has no list 'messages'"},
      {R"({"messages": [{"role": "user", "content": "q"}, 5]})",
       "messages[1]: a message is an object with a text 'role'"},
      {R"({"messages": [{"role": 1}]})", "messages[0]: a message is an object with a text 'role'"},
      {R"({"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]})",
       "messages[0]: 'weight' must be 0 or 1"},
      {R"({"messages": [{"role": "assistant", "content": "a", "weight": "1"}]})",
       "messages[0]: 'weight' must be 0 or 1"},
  };
  for (const auto& [record, message] : cases) {
    const auto chat = read_chat(ChatJson::parse(record));
    ASSERT_FALSE(chat) << record;
    EXPECT_EQ(chat.error().message, message);
  }
  EXPECT_FALSE(read_chat(ChatJson::parse("[1]")));
  EXPECT_FALSE(read_chat(ChatJson("text")));
}

TEST(ChatMessages, MergeKeepsPartsAndCallsApart) {
  auto chat = read_chat(ChatJson::parse(R"({"messages": [
    {"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "image_url"}]},
    {"role": "assistant", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
    {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}]})"));
  ASSERT_TRUE(chat);
  EXPECT_TRUE(merge_turns(*chat));
  EXPECT_EQ(chat->messages.size(), 5U);
  EXPECT_EQ(chat->messages[0]["content"].dump(), R"([{"type":"text","text":"a"},{"type":"image_url"}])");
  EXPECT_FALSE(merge_turns(*chat));
}

}  // namespace
}  // namespace luthier::text
