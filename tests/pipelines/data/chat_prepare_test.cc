// What becomes of conversations: each remedy alone, then files of them.
#include <gtest/gtest.h>

#include "base/file.h"
#include "pipelines/data/chat_remedies.h"
#include "pipelines/data/prepare.h"
#include "tests/pipelines/data/records_of.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

struct Outcome {
  std::vector<std::string> codes;
  std::string dropped;
  std::string messages;
};

Outcome outcome_of(const char* messages) {
  ChatJson record = {{"messages", ChatJson::parse(messages)}};
  Outcome outcome;
  images::ImageChecker images{images::ImageOptions{}};
  const auto dropped = repair_chat(
      record, images, [&](const ChatRemedy& remedy, const std::string&) { outcome.codes.emplace_back(remedy.code); });
  outcome.dropped = dropped.has_value() ? dropped->code : "";
  outcome.messages = record["messages"].dump();
  return outcome;
}

TEST(ChatRemedies, RepairWhatLeavesNoDoubt) {
  const struct {
    const char* messages;
    std::vector<std::string> codes;
    const char* repaired;
  } cases[] = {
      {R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])",
       {},
       R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"},
      {R"([{"role":"Human ","content":" a\n"},{"role":"bot","content":"b"}])",
       {"role_renamed", "whitespace_trimmed", "role_renamed"},
       R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"},
      {R"([{"role":"user","content":"a","mood":1},{"role":"assistant","content":"b"},{"role":"assistant","content":null}])",
       {"message_unrecognized_key", "missing_content"},
       R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"},
      {R"([{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"assistant","content":"b"},
           {"role":"system","content":"t"}])",
       {"system_moved"},
       R"([{"role":"system","content":"s\n\nt"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"},
      {R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"thanks"}])",
       {"last_message_not_assistant"},
       R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"},
      {R"([{"role":"user","content":"a"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},
           {"role":"function","content":"7"},{"role":"assistant","content":"b"}])",
       {"function_call_mapped", "role_renamed", "function_call_mapped"},
       R"([{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"call_1","type":"function",)"
       R"("function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"7","tool_call_id":"call_1"},)"
       R"({"role":"assistant","content":"b"}])"},
      {R"([{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"a":1}}}]}])",
       {"tool_call_arguments"},
       R"([{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}])"},
      {R"([{"role":"assistant","content":"a","weight":0.5},{"role":"assistant","content":"b","weight":true}])",
       {"weight_value", "weight_value"},
       R"([{"role":"assistant","content":"a"},{"role":"assistant","content":"b","weight":1}])"},
  };
  for (const auto& test_case : cases) {
    const Outcome outcome = outcome_of(test_case.messages);
    EXPECT_EQ(outcome.codes, test_case.codes) << test_case.messages;
    EXPECT_EQ(outcome.dropped, "") << test_case.messages;
    EXPECT_EQ(outcome.messages, test_case.repaired);
  }
}

TEST(ChatRemedies, DropWhatNothingCanBeLearntFrom) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("hello")", "missing_messages_list"},
      {R"([])", "example_missing_assistant_message"},
      {R"([{"role":"user","content":"a"}])", "example_missing_assistant_message"},
      {R"([{"role":"assistant","content":"a","weight":0}])", "example_missing_assistant_message"},
      {R"([{"content":"a"}])", "message_missing_key"},
      {R"([7])", "message_missing_key"},
      {R"([{"role":"narrator","content":"a"},{"role":"assistant","content":"b"}])", "unrecognized_role"},
  };
  for (const auto& [messages, code] : cases) {
    EXPECT_EQ(outcome_of(messages).dropped, code) << messages;
  }
}

const char* const kDialogue =
    R"({"messages":[{"role":"system","content":"S."},{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
    R"({"role":"user","content":"c"},{"role":"assistant","content":"d"}],"who":"x"})";

TEST(ChatTurns, BecomeOneConversationEach) {
  const std::vector<ChatJson> turns = expand_turns(ChatJson::parse(kDialogue));
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0]["messages"].size(), 3u);
  EXPECT_FALSE(turns[0]["messages"][2].contains("weight"));
  EXPECT_EQ(turns[1]["messages"].size(), 5u);
  EXPECT_EQ(turns[1]["messages"][2]["weight"], 0);  // learnt from in the first
  EXPECT_FALSE(turns[1]["messages"][4].contains("weight"));
  EXPECT_EQ(turns[1]["who"], "x");
}

TEST(ChatTurns, BecomePromptsAndCompletions) {
  std::string problem;
  const std::vector<PromptTurn> turns = expand_to_prompts(ChatJson::parse(kDialogue), problem);
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[1].prompt, "S.\n\nUser: a\nAssistant: b\nUser: c\nAssistant:");
  EXPECT_EQ(turns[1].completion, " d");
  ChatJson calls = ChatJson::parse(R"({"messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]})");
  EXPECT_TRUE(expand_to_prompts(calls, problem).empty());
  EXPECT_EQ(problem, "a message of assistant is not plain text");
}

std::string conversation(int number, const char* answer, const char* who) {
  return R"({"messages":[{"role":"user","content":"question )" + std::to_string(number) +
         R"("},{"role":"assistant","content":")" + answer + R"("}],"who":")" + who + "\"}\n";
}

TEST(ChatPrepare, DropsBrokenAndRepeatedOnesAndSplitsByLabel) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    lines += conversation(i, i < 10 ? "yes" : "no", "x");
  }
  lines += conversation(3, "yes", "x") + "{\"messages\":[\n{\"messages\":[]}\n";
  Settings settings;
  settings.source = folder.write("f.jsonl", lines);
  settings.split = {.validation = 0.2, .seed = 7};
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->task, Task::kChat);
  EXPECT_EQ(prepared->report.rows_of("duplicate_rows"), 1);
  EXPECT_EQ(prepared->report.rows_of("broken_json"), 1);
  EXPECT_EQ(prepared->report.rows_of("example_missing_assistant_message"), 1);
  EXPECT_EQ(prepared->train.size(), 16u);
  std::map<std::string, int> labels;
  for (const Record& record : records_of(*prepared, prepared->validation)) {
    ++labels[record.label];
  }
  EXPECT_EQ(labels, (std::map<std::string, int>{{"no", 2}, {"yes", 2}}));
  ASSERT_TRUE(write_prepared(*prepared, folder.path() / "out"));
  const std::string data = *read_file(folder.path() / "out/train/data.jsonl");
  EXPECT_TRUE(ChatJson::parse(data.substr(0, data.find('\n'))).contains("messages"));
  const auto facts = nlohmann::json::parse(*read_file(folder.path() / "out/train/dataset.json"));
  EXPECT_EQ(facts, (nlohmann::json{{"task", "chat"}}));
}

TEST(ChatPrepare, KeepsGroupsTogetherAndAFractionInsideALargerOne) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += conversation(i, ("answer " + std::to_string(i)).c_str(), std::to_string(i % 8).c_str());
  }
  Settings settings;
  settings.source = folder.write("f.jsonl", lines);
  settings.split = {.validation = 0.25, .seed = 3, .group = "who"};
  std::set<std::string> kept[2];
  for (const double fraction : {0.5, 1.0}) {
    settings.fraction = fraction;
    const auto prepared = analyze(settings);
    ASSERT_TRUE(prepared) << prepared.error().message;
    std::set<std::string> groups;
    for (const Record& record : records_of(*prepared, prepared->validation)) {
      groups.insert(record.group);
    }
    EXPECT_EQ(prepared->validation.size(), 10u);
    for (const Record& record : records_of(*prepared, prepared->train)) {
      EXPECT_FALSE(groups.contains(record.group));
      kept[fraction < 1 ? 0 : 1].insert(record.completion);
    }
  }
  EXPECT_EQ(kept[0].size(), 15u);
  EXPECT_EQ(kept[1].size(), 30u);
  EXPECT_TRUE(std::includes(kept[1].begin(), kept[1].end(), kept[0].begin(), kept[0].end()));
}

TEST(ChatPrepare, MakesPromptsOfTurnsThatGoThroughTheValidators) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.jsonl", std::string(kDialogue) + "\n" + conversation(1, "e", "x"));
  settings.turns = Turns::kPrompts;
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->task, Task::kGeneration);
  EXPECT_EQ(prepared->train.size(), 3u);
  EXPECT_EQ(prepared->report.separator, "\nAssistant:");
  EXPECT_EQ(prepared->stop, "\n");
  for (const Record& record : records_of(*prepared, prepared->train)) {
    EXPECT_TRUE(record.completion.starts_with(' ') && record.completion.ends_with('\n')) << record.completion;
  }
}

TEST(ChatPrepare, SaysThatOtherDataIsNoConversation) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n");
  settings.turns = Turns::kChats;
  const auto prepared = analyze(settings);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().message.find("f.jsonl:1: these are no conversations"), std::string::npos);
}

}  // namespace
}  // namespace luthier::data
