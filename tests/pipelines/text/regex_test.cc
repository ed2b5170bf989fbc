#include "pipelines/text/regex.h"

#include <gtest/gtest.h>

namespace luthier::text {
namespace {

TEST(Regex, RefusesWhatMeansSomethingElseToOniguruma) {
  const struct {
    const char* pattern;
    const char* part;
  } cases[] = {
      {"a\\", "lone backslash"},
      {"[a[b]]", "nested character class"},
      {"[a&&b]", "class intersection"},
      {"\\p{N}{1,3}+", "}+"},
      {"\\h", "\\h"},
      {"[\\S]", "\\S"},
      {"\\Ka", "\\K"},
      {"(", "wrong at byte"},
      {"\\p{Nonsense}", "wrong at byte"},
  };
  for (const auto& test_case : cases) {
    const auto regex = Regex::compile(test_case.pattern);
    ASSERT_FALSE(regex) << test_case.pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(regex.error().message.find(test_case.part), std::string::npos) << regex.error().message;
  }
  EXPECT_FALSE(Regex::compile(std::string(70'000, 'a')));
}

TEST(Regex, ReadsABracketFirstInAClassAsItself) {
  const auto regex = Regex::compile("[]a]+x");
  ASSERT_TRUE(regex) << regex.error().message;
  Matcher matcher(*regex);
  const auto match = matcher.find("b]a]x", 0);
  ASSERT_TRUE(match);
  ASSERT_TRUE(match->has_value());
  EXPECT_EQ((*match)->begin, 1u);
  EXPECT_EQ((*match)->end, 5u);
}

TEST(Regex, AMatchThatNeedsTooMuchWorkIsAnErrorNotAHang) {
  const auto regex = Regex::compile("(?:a+)+(?:a+)+(?:a+)+b");
  ASSERT_TRUE(regex);
  Matcher matcher(*regex);
  const auto match = matcher.find(std::string(4'000, 'a') + "cb", 0);
  ASSERT_FALSE(match);
  EXPECT_EQ(match.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace luthier::text
