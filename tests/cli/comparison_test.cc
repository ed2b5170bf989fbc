#include "cli/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/compare_page.h"

namespace luthier::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Answers answers(const std::string& expected, const std::string& first, const std::string& second) {
  return {.prompt = "p", .expected = expected, .first = first, .second = second};
}

TEST(Comparison, WordsAreComparedAsOftenAsTheyAreThere) {
  const struct {
    const char* answer;
    const char* expected;
    double overlap;
  } cases[] = {
      {"a b", "a b", 1}, {"b a", "a b", 1}, {"a", "a b", 2.0 / 3}, {"a a", "a b", 0.5},
      {"c", "a b", 0},   {"", "a", 0},      {"A", "a", 0},         {" a\n", "a", 1},
  };
  for (const auto& [answer, expected, overlap] : cases) {
    EXPECT_DOUBLE_EQ(word_overlap(answer, expected), overlap) << answer << " / " << expected;
  }
  EXPECT_EQ(exact_match("a b", "b a"), 0);
}

TEST(Comparison, AVerdictNeedsAnExpectedAnswer) {
  EXPECT_EQ(answers("", "x", "y").verdict(), Verdict::kUnscored);
  EXPECT_EQ(answers("x", "x", "y").verdict(), Verdict::kFirst);
  EXPECT_EQ(answers("x", "y", "x").verdict(), Verdict::kSecond);
  EXPECT_EQ(answers("x", "y", "z").verdict(), Verdict::kSame);
  EXPECT_EQ(answers("a b", "a c", "c d").verdict(), Verdict::kFirst);
}

TEST(Comparison, ScoresSayHowSureOneMayBe) {
  std::vector<Answers> better;
  std::vector<Answers> even;
  for (int i = 0; i < 20; ++i) {
    better.push_back(answers("yes", i < 2 ? "yes" : "no", i < 18 ? "yes" : "no"));
    even.push_back(answers("yes", i % 2 == 0 ? "yes" : "no", i % 2 == 1 ? "yes" : "no"));
  }
  const ScoreRow row = score_answers(better, 0.95).value()[0];
  EXPECT_DOUBLE_EQ(row.first, 0.1);
  EXPECT_DOUBLE_EQ(row.second, 0.9);
  EXPECT_GT(row.low, 0.5);
  EXPECT_LT(row.low, 0.8);
  EXPECT_EQ(row.examples, 20);
  EXPECT_THAT(verdict_sentence(row, "m@1", "m@2"),
              HasSubstr("m@2 is better than m@1: exact match 0.9 against 0.1, a difference of 0.8 (95% interval "));
  EXPECT_THAT(verdict_sentence(score_answers(even, 0.95).value()[0], "m@1", "m@2"),
              HasSubstr("these examples do not show that m@1 and m@2 differ"));
  EXPECT_LT(row.low, score_answers(better, 0.5).value()[0].low);
  EXPECT_TRUE(score_answers({answers("", "x", "y")}, 0.95).value().empty());
  EXPECT_FALSE(score_answers(better, 1.0));
}

TEST(Comparison, TwoTextsStandBesideEachOther) {
  EXPECT_EQ(side_by_side("one two three", "vier", 27, "  "),
            "  one two     | vier\n"
            "  three       |\n");
  EXPECT_EQ(side_by_side("", "x", 27, ""), "             | x\n");
  EXPECT_EQ(side_by_side("ÄÖÜäöüÄÖÜäöüÄ", "a\nb", 23, ""),
            "ÄÖÜäöüÄÖÜä | a\n"
            "öüÄ        | b\n");
}

TEST(ComparisonPage, HoldsNoMarkupOfTheTextsAndNothingFromElsewhere) {
  const std::string evil = "<script>alert(1)</script>&\"'\x1b[2J";
  Comparison comparison{.first = evil,
                        .second = "m@2",
                        .source = evil,
                        .metrics = {{evil, 1.5, nullptr}},
                        .scores = {},
                        .answers = {answers(evil, evil, "yes")}};
  comparison.answers[0].prompt = evil;
  comparison.scores = score_answers(comparison.answers, 0.95).value();
  const std::string page = comparison_page(comparison);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;\xEF\xBF\xBD[2J"));
  for (const char* elsewhere : {"http://", "https://", "src=", "href=", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(elsewhere)));
  }
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(ComparisonPage, EveryElementIsClosed) {
  Comparison comparison{.first = "m@1",
                        .second = "m@2",
                        .source = "f.jsonl",
                        .metrics = {{"loss", 2.5, 1.5}},
                        .scores = {},
                        .answers = {answers("x", "x", "y"), answers("x", "y", "x"), answers("", "", "")}};
  comparison.scores = score_answers(comparison.answers, 0.9).value();
  const std::string page = comparison_page(comparison);
  for (const char* name : {"html", "head", "body", "main", "section", "article", "div", "table", "tr", "td", "th",
                           "pre", "span", "svg", "p", "h2", "label", "style"}) {
    const auto count = [&page](const std::string& text) {
      int found = 0;
      for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) {
        ++found;
      }
      return found;
    };
    const std::string open = std::string("<") + name;
    EXPECT_EQ(count(open + ">") + count(open + " "), count(std::string("</") + name + ">")) << name;
  }
  EXPECT_THAT(page, HasSubstr("Better (1)"));
  EXPECT_THAT(page, HasSubstr("Worse (1)"));
  EXPECT_THAT(page, HasSubstr("Different (2)"));
  EXPECT_THAT(page, HasSubstr("90% interval"));
}

}  // namespace
}  // namespace luthier::cli
