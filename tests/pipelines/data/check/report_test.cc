#include "pipelines/data/check/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/pipelines/data/check/check_text.h"

namespace luthier::data::check {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Codes, AreUniqueAndSayWhatToDo) {
  std::set<std::string_view> names;
  for (const Code& code : all_codes()) {
    EXPECT_TRUE(names.insert(code.name).second) << code.name;
    EXPECT_FALSE(code.meaning.empty());
    EXPECT_TRUE(code.remedy.ends_with('.')) << code.name;
  }
}

TEST(Report, ShowsPlacesRemediesAndAVerdict) {
  const Report report = check_text(good_chats(10) + "{\"messages\": [}\n", "f.jsonl");
  const std::string text = to_text(report, false);
  EXPECT_THAT(text, HasSubstr("f.jsonl: 10 examples, chat, jsonl, "));
  EXPECT_THAT(text, HasSubstr("error[json_invalid] 1 × records that are not JSON\n"));
  EXPECT_THAT(text, HasSubstr("f.jsonl:11:15: a value must stand here\n  what to do: "));
  EXPECT_THAT(text, HasSubstr(": 1 error, no warnings, 1 piece of advice; not fit to train on as it is\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_text(report, true), HasSubstr("\x1b[31merror\x1b[0m[json_invalid]"));

  const auto json = to_json(report);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["training"]["examples"], 10);
  EXPECT_EQ(json["training"]["kind"], "chat");
  EXPECT_EQ(json["task"], "generation");
  EXPECT_EQ(json["findings"][0]["code"], "json_invalid");
  EXPECT_EQ(json["findings"][0]["severity"], "error");
  EXPECT_EQ(json["findings"][0]["count"], 1);
  EXPECT_EQ(json["findings"][0]["first"][0]["line"], 11);
  EXPECT_EQ(json["findings"][0]["first"][0]["column"], 15);
}

TEST(Report, LetsDataNotSteerTheTerminal) {
  const Report report =
      check_text(good_chats(600) + chat("q", "a") +
                 R"({"messages":[{"role":"\u001b[31m","content":"q"},{"role":"assistant","content":"a"}]})");
  EXPECT_THAT(to_text(report, false), Not(HasSubstr("\x1b")));
}

TEST(Report, CountsAllAndShowsTheFirst) {
  std::string text = good_chats(600);
  for (int i = 0; i < 40; ++i) {
    text += "{\"a\"\n";
  }
  const Report report = check_text(text, "f.jsonl", {.places_max = 3});
  EXPECT_EQ(report.findings.count("json_unfinished"), 40);
  EXPECT_THAT(to_text(report, false), HasSubstr("f.jsonl:603:5: the record ends without the }"));
  EXPECT_THAT(to_text(report, false), HasSubstr("  … and 37 more\n"));
}

}  // namespace
}  // namespace luthier::data::check
