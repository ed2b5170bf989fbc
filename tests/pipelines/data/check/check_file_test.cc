#include "pipelines/data/check/check_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipelines/data/check/check_text.h"

namespace luthier::data::check {
namespace {

using testing::HasSubstr;

struct Case {
  std::string record;
  Counts counts;
};

// Each among 600 conversations without a fault.
void expect_counts(const std::vector<Case>& cases) {
  const std::string rest = good_chats(600);
  EXPECT_EQ(counts_of(check_text(rest)), Counts{});
  for (const Case& example : cases) {
    SCOPED_TRACE(example.record);
    const Report report = check_text(rest + example.record + "\n");
    EXPECT_EQ(counts_of(report), example.counts);
    for (const auto& [code, finding] : report.findings.by_code()) {
      for (const Place& place : finding.first) {
        EXPECT_EQ(place.line, 601) << code;
      }
    }
  }
}

TEST(CheckFile, GivesTheCodesOfTheCookbookForChats) {
  expect_counts({
      {R"(["a"])", {{"data_type", 1}}},
      {R"({"messages":[]})", {{"missing_messages_list", 1}}},
      {R"({"messages":"hi"})", {{"missing_messages_list", 1}}},
      {R"({"chat":[]})", {{"unknown_kind", 1}}},
      {R"({"messages":[{"content":"q"},{"role":"assistant","content":"a"}]})", {{"message_missing_key", 1}}},
      {R"({"messages":[{"role":"user"},{"role":"assistant","content":"a"}]})",
       {{"message_missing_key", 1}, {"missing_content", 1}}},
      {R"({"messages":[{"role":"user","content":"q","mood":1},{"role":"assistant","content":"a"}]})",
       {{"message_unrecognized_key", 1}}},
      {R"({"messages":[{"role":"human","content":"q"},{"role":"assistant","content":"a"}]})",
       {{"unrecognized_role", 1}}},
      {R"({"messages":[{"role":"user","content":""},{"role":"assistant","content":"a"}]})", {{"missing_content", 1}}},
      {R"({"messages":[{"role":"user","content":5},{"role":"assistant","content":"a"}]})", {{"missing_content", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null}]})", {{"missing_content", 1}}},
      {R"({"messages":[{"role":"user","content":"q"}]})", {{"example_missing_assistant_message", 1}}},
      {R"({"messages":["q",{"role":"assistant","content":"a"}]})", {{"message_missing_key", 1}}},
  });
}

TEST(CheckFile, LetsWhatHasBecomeValid) {
  expect_counts({
      {R"({"messages":[{"role":"developer","content":"s"},{"role":"user","content":"q","name":"bob"},{"role":"assistant","content":"a","weight":0},{"role":"user","content":"r"},{"role":"assistant","content":"b","weight":1}]})",
       {}},
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":"a"}],"parallel_tool_calls":true})",
       {}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","refusal":"no"}]})", {}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"undeclared","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"},{"role":"assistant","content":"a"}]})",
       {}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]})",
       {}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"1"},{"role":"assistant","content":"a"}],"functions":[{"name":"f"}]})",
       {}},
  });
}

TEST(CheckFile, FindsWhatMakesAConversationUntrainable) {
  expect_counts({
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]})",
       {{"nothing_to_train", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0.5}]})",
       {{"weight_value", 1}}},
      {R"({"messages":[{"role":"user","content":"q","weight":1},{"role":"assistant","content":"a"}]})",
       {{"weight_role", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"r"}]})",
       {{"last_message_not_assistant", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"system","content":"s"},{"role":"assistant","content":"a"}]})",
       {{"system_not_first", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"user","content":"r"},{"role":"assistant","content":"a"}]})",
       {{"same_role_twice", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":" a\n"}]})",
       {{"completion_leading_whitespace", 1}, {"completion_trailing_whitespace", 1}}},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"topic":"x"})",
       {{"example_unrecognized_key", 1}}},
      {R"({"messages":[{"role":"user","content":[{"type":"input_audio"}]},{"role":"assistant","content":"a"}]})",
       {{"content_part", 1}}},
      {R"({"messages":[{"role":"user","content":"q","name":1},{"role":"assistant","content":"a"}]})",
       {{"message_name", 1}}},
  });
}

TEST(CheckFile, BalancesToolCalls) {
  const std::string call = R"({"id":"c","type":"function","function":{"name":"f","arguments":"{}"}})";
  const auto record = [](const std::string& middle, const std::string& more = "") {
    return R"({"messages":[{"role":"user","content":"q"},)" + middle + R"({"role":"assistant","content":"a"}])" + more +
           "}";
  };
  expect_counts({
      {record(R"({"role":"assistant","tool_calls":[)" + call + "]},"),
       {{"tool_call_unanswered", 1}, {"same_role_twice", 1}}},
      {record(R"({"role":"tool","tool_call_id":"x","content":"1"},)"), {{"tool_answer_without_call", 1}}},
      {record(R"({"role":"function","name":"f","content":"1"},)"), {{"tool_answer_without_call", 1}}},
      {record(R"({"role":"assistant","tool_calls":[)" + call + "," + call +
              R"(]},{"role":"tool","tool_call_id":"c","content":"1"},)"),
       {{"tool_calls_form", 1}}},
      {record(
           R"({"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","tool_call_id":"c","content":"1"},)"),
       {{"tool_calls_form", 1}, {"tool_call_arguments", 1}}},
      {record(
           R"({"role":"assistant","tool_calls":[)" + call +
               R"(,{"id":"d","type":"function","function":{"name":"f","arguments":"{\"a\": 1,}"}}]},{"role":"tool","tool_call_id":"d","content":"1"},{"role":"tool","tool_call_id":"c","content":"1"},)",
           R"(,"parallel_tool_calls":false)"),
       {{"tool_call_arguments", 1}, {"parallel_tool_calls", 1}}},
      {record("", R"(,"tools":{})"), {{"tools_form", 1}}},
      {record("", R"(,"tools":[{"name":"f"}])"), {{"tools_form", 1}}},
      {record("", R"(,"functions":[{"parameters":{}}])"), {{"tools_form", 1}}},
  });
}

TEST(CheckFile, FindsWhatNobodyWantsToTeach) {
  expect_counts({
      {chat("q", "use sk-abcdefghijklmnop1234567890"), {{"secret", 1}}},
      {chat("write to bob@example.org.", "a"), {{"email_address", 1}}},
      {chat("caf\\u00c3\\u00a9", "a"), {{"encoding_damage", 1}}},
      {chat("caf\xe9", "a"), {{"not_utf8", 1}}},
  });
}

TEST(CheckFile, ChecksPreferences) {
  const auto file = [](const std::string& record) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      text +=
          R"({"input":{"messages":[{"role":"user","content":"q)" + std::to_string(i) +
          R"("}]},"preferred_output":[{"role":"assistant","content":"a"}],"non_preferred_output":[{"role":"assistant","content":"b"}]})"
          "\n";
    }
    return counts_of(check_text(text + record));
  };
  EXPECT_EQ(file(""), Counts{});
  EXPECT_EQ(
      file(
          R"({"input":{"messages":[{"role":"user","content":"q"}]},"preferred_output":[{"role":"assistant","content":"a"}],"non_preferred_output":[{"role":"assistant","content":"a"}]})"),
      (Counts{{"preference_identical", 1}}));
  EXPECT_EQ(file(R"({"preferred_output":[],"non_preferred_output":[{"role":"user","content":"a"}]})"),
            (Counts{{"preference_form", 3}}));
}

TEST(CheckFile, TellsGraderDataByItsOwnMembers) {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    text += R"({"messages":[{"role":"user","content":"q)" + std::to_string(i) +
            R"("}],"reference":"a"})"
            "\n";
  }
  const Report report = check_text(text);
  EXPECT_EQ(report.training.kind, "grader data");
  EXPECT_EQ(counts_of(report), Counts{});
}

TEST(CheckFile, ChecksCompletionsTogether) {
  const auto file = [](const std::string& more) {
    std::string text;
    for (int i = 0; i < 500; ++i) {
      text += R"({"prompt":"p)" + std::to_string(i) + R"( ->","completion":" c)" + std::to_string(i) + "\\n\"}\n";
    }
    return counts_of(check_text(text + more));
  };
  EXPECT_EQ(file(""), Counts{}) << "one space before and one stop sequence behind are right when all have them";
  EXPECT_EQ(file(R"({"prompt":"x","completion":"y"})"),
            (Counts{{"completion_start_mixed", 1}, {"completion_trailing_whitespace", 500}}));
  EXPECT_EQ(file(R"({"prompt":"x","completion":" "})"),
            (Counts{{"empty_completion", 1}, {"completion_trailing_whitespace", 500}}));
  EXPECT_EQ(file(R"({"prompt":"x","completion":"\n\ny\n"})"), (Counts{{"completion_leading_whitespace", 1}}));
  EXPECT_EQ(file(R"({"prompt":"x"})"), (Counts{{"missing_completion", 1}, {"completion_trailing_whitespace", 500}}));
  EXPECT_EQ(file(R"({"prompt":7,"completion":" y\n"})"), (Counts{{"missing_prompt", 1}}));
  EXPECT_EQ(file(R"({"question":"x","answer":" y\n"})"), (Counts{{"member_names", 1}}));
}

std::string labelled(const std::vector<std::pair<std::string, int>>& labels) {
  std::string text;
  int number = 0;
  for (const auto& [label, count] : labels) {
    for (int i = 0; i < count; ++i) {
      text += R"({"prompt":"p)" + std::to_string(number++) + R"( ->","completion":" )" + label + "\"}\n";
    }
  }
  return text;
}

TEST(CheckFile, LooksAtClasses) {
  const Report fine = check_text(labelled({{"yes", 120}, {"no", 150}}));
  EXPECT_EQ(fine.task, "classification");
  EXPECT_EQ(counts_of(fine), Counts{});
  ASSERT_EQ(fine.labels.size(), 2U);
  EXPECT_EQ(fine.labels[0].label, "no");
  EXPECT_EQ(fine.labels[0].count, 150);
  EXPECT_EQ(counts_of(check_text(labelled({{"yes", 2'000}, {"no", 99}}))),
            (Counts{{"few_examples_of_class", 1}, {"label_imbalance", 1}, {"dominating_answer", 1}}));
  EXPECT_EQ(counts_of(check_text(labelled({{"yes", 120}, {"Yes.", 120}, {"no", 100}}))),
            (Counts{{"label_spelling", 1}}));
}

TEST(CheckFile, SaysWhenThereAreTooFewExamples) {
  EXPECT_EQ(counts_of(check_text(good_chats(9))), (Counts{{"too_few_examples", 1}}));
  EXPECT_EQ(counts_of(check_text(good_chats(10))), (Counts{{"few_examples", 1}}));
  EXPECT_EQ(counts_of(check_text("")), (Counts{{"no_examples", 1}}));
  EXPECT_EQ(counts_of(check_text("\n\n")), (Counts{{"no_examples", 1}}));
}

TEST(CheckFile, FindsWhatDominates) {
  std::string text = good_chats(500);
  for (int i = 0; i < 200; ++i) {
    text += chat("Question " + std::to_string(i), "I'm sorry, but I can't help with that.");
  }
  EXPECT_EQ(counts_of(check_text(text)), (Counts{{"dominating_answer", 1}, {"dominating_refusals", 200}}));
}

TEST(CheckFile, FindsRecordsOfAnotherKind) {
  EXPECT_EQ(counts_of(check_text(good_chats(600) + R"({"prompt":"a","completion":"b"})")),
            (Counts{{"mixed_kinds", 1}}));
}

TEST(CheckFile, GivesTheSameReportForAnyNumberOfThreads) {
  std::string text;
  while (text.size() < 3 * read::kBatchBytes) {
    text += good_chats(5'000) + "{\"a\":1,}\n" + chat("q", "a ");
  }
  const auto report = [&](std::size_t threads) {
    const TemporaryFolder folder;
    CheckOptions options;
    options.file = folder.write("f.jsonl", text);
    options.threads = threads;
    auto json = to_json(*check_file(options));
    json["training"]["file"] = "";
    const std::string place = folder.path().string();
    std::string dump = json.dump();
    for (std::size_t at = dump.find(place); at != std::string::npos; at = dump.find(place)) {
      dump.erase(at, place.size());
    }
    return dump;
  };
  const std::string one = report(1);
  EXPECT_EQ(report(2), one);
  EXPECT_EQ(report(5), one);
  EXPECT_THAT(one, HasSubstr("duplicate_examples"));
}

TEST(CheckFile, ReadsTables) {
  const Report report = check_text("text,label\na,b\nc,d,e\n", "f.csv");
  EXPECT_EQ(report.training.kind, "prompt/completion");
  EXPECT_EQ(counts_of(report), (Counts{{"row_fields", 1}, {"member_names", 1}, {"too_few_examples", 1}}));
}

}  // namespace
}  // namespace luthier::data::check
