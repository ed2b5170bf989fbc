#include "pipelines/text/chat/plain_template.h"

#include <gtest/gtest.h>

#include "pipelines/text/chat/chat_template.h"

namespace luthier::text {
namespace {

class PlainTemplate : public ::testing::Test {
 protected:
  PlainTemplate()
      : template_(*ChatTemplate::parse({{"default", "plain", std::string(plain_chat_template())}},
                                       {{"eos_token", "<end>"}})) {}

  // The text with what is trained in brackets.
  std::string shown(const char* record, bool prompt = false) {
    const auto rendered = template_.render(ChatJson::parse(record), {.add_generation_prompt = prompt});
    if (!rendered) {
      return "error: " + rendered.error().message;
    }
    notes_ = rendered->notes;
    std::string text;
    for (const ChatSpan& span : rendered->spans) {
      const std::string part = rendered->text.substr(span.begin, span.end - span.begin);
      text += span.trained ? "[" + part + "]" : part;
    }
    return text;
  }

  ChatTemplate template_;
  std::vector<std::string> notes_;
};

TEST_F(PlainTemplate, EndsEveryTurnAndTrainsAnswersWithTheirEnd) {
  EXPECT_EQ(shown(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},
                                  {"role":"assistant","content":"a"},{"role":"user","content":"r"},
                                  {"role":"assistant","content":"b"}]})"),
            "system:\ns<end>\nuser:\nq<end>\nassistant:\n[a<end>]\nuser:\nr<end>\nassistant:\n[b<end>]\n");
  EXPECT_TRUE(notes_.empty());
}

TEST_F(PlainTemplate, WeightZeroIsNotTrained) {
  EXPECT_EQ(shown(R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0},
                                  {"role":"user","content":"r"},{"role":"assistant","content":"b","weight":1}]})"),
            "user:\nq<end>\nassistant:\na<end>\nuser:\nr<end>\nassistant:\n[b<end>]\n");
}

TEST_F(PlainTemplate, WritesToolsAndTheirCalls) {
  EXPECT_EQ(shown(R"({"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
                      "messages":[{"role":"user","content":"q"},
                        {"role":"assistant","content":null,"tool_calls":[
                          {"id":"1","type":"function","function":{"name":"f","arguments":"{\"b\": 1, \"a\": 2}"}},
                          {"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]},
                        {"role":"tool","tool_call_id":"1","content":"7"},
                        {"role":"assistant","content":"a"}]})"),
            "tools:\n{\"type\": \"function\", \"function\": {\"name\": \"f\"}}\n"
            "{\"type\": \"function\", \"function\": {\"name\": \"g\"}}<end>\n"
            "user:\nq<end>\nassistant:\n"
            "[call: {\"name\": \"f\", \"arguments\": {\"b\": 1, \"a\": 2}}\n"
            "call: {\"name\": \"g\", \"arguments\": {}}<end>]\ntool:\n7<end>\nassistant:\n[a<end>]\n");
}

TEST_F(PlainTemplate, AsksForAnAnswer) {
  EXPECT_EQ(shown(R"({"messages":[{"role":"user","content":[{"type":"text","text":"q"}]}]})", true),
            "user:\nq<end>\nassistant:\n");
}

}  // namespace
}  // namespace luthier::text
