// The hand-written scanners give the pieces that the patterns give, by PCRE2, on random text of what the patterns tell
// apart; and they look at no character more often than a constant.
#include "pipelines/text/scanner.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "pipelines/text/pretokenizer.h"

namespace luthier::text {
namespace {

const char* const kSamples[] = {
    "a",      "b",      "s",      "t",      "re",         "LL",         "A",      "B",      "Zz",         "1",
    "23",     "4567",   " ",      " ",      "  ",         "\t",         "\n",     "\r\n",   "\r",         "'",
    "'s",     "'S",     "'ll",    "'ve",    "'D",         "'\u017f",    "\u2019", ".",      ",",          "/",
    "//",     "!",      "-_",     "\u00e9", "\u00c9",     "\u0301",     "\u0300", "\u4e2d", "\u6587",     "\u3042",
    "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028",     "\u180e",     "\u200d", "\u00bd", "\u0664",     "\u2167",
    "\u01c5", "\u02b0", "\u0939", "\u093f", "\U0001f44d", "\U0001f3fd", "\ufe0f", "\u0378", "\U0001e030", "\u1c89",
};

std::string random_text(Random& random) {
  std::string text;
  for (std::uint64_t count = random.below(14) + 1; count > 0; --count) {
    text += kSamples[random.below(std::size(kSamples))];
  }
  return text;
}

class Scanners : public testing::TestWithParam<std::string_view> {};

TEST_P(Scanners, GiveThePiecesOfThePattern) {
  const Scanner scanner = find_scanner(GetParam());
  ASSERT_NE(scanner, nullptr);
  auto regex = Regex::compile(GetParam());
  ASSERT_TRUE(regex);
  Matcher matcher(*regex);
  Random random(21);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random);
    for (std::size_t begin = 0; begin < text.size();) {
      const auto match = matcher.find(text, begin);
      ASSERT_TRUE(match && match->has_value()) << testing::PrintToString(text);
      ASSERT_EQ((*match)->begin, begin) << testing::PrintToString(text);
      const std::size_t end = scanner(text, begin);
      ASSERT_EQ(end, (*match)->end) << testing::PrintToString(text) << " from " << begin;
      begin = end;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Patterns, Scanners,
                         testing::Values(kGpt2Pattern, kCl100kPattern, kQwen2Pattern, kO200kPattern, kTekkenPattern));

TEST(Scanner, ThereIsNoneForOtherPatterns) { EXPECT_EQ(find_scanner("\\p{L}+"), nullptr); }

}  // namespace
}  // namespace luthier::text
