#include <gtest/gtest.h>

#include "pipelines/spec/diagnostic.h"
#include "pipelines/spec/duration.h"
#include "pipelines/spec/graph.h"
#include "pipelines/spec/param_value.h"

namespace luthier::spec {
namespace {

TEST(Duration, IsReadAndWritten) {
  const std::pair<const char*, std::int64_t> cases[] = {{"90s", 90'000},      {"10m", 600'000}, {"6h", 21'600'000},
                                                        {"1h30m", 5'400'000}, {"250ms", 250},   {"2d", 172'800'000}};
  for (const auto& [text, ms] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->count(), ms) << text;
    EXPECT_EQ(parse_duration(format_duration(*parsed)).value(), *parsed) << text;
  }
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "10", "m", "10 m", "-5s", "30m1h", "5s5s", "1.5h", "0s", "366d", "9999999999999999999s",
                           "10x", "99999999999d"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Backoff, IsARangeOfDurations) {
  const auto parsed = parse_backoff("10s..10m");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->first.count(), 10'000);
  EXPECT_EQ(parsed->second.count(), 600'000);
  for (const char* text : {"10s", "10m..10s", "..", "10s..", "10s...10m"}) {
    EXPECT_FALSE(parse_backoff(text).has_value()) << text;
  }
}

TEST(Bytes, AreReadWithTheirUnit) {
  const std::pair<const char*, std::uint64_t> cases[] = {
      {"24GiB", 25'769'803'776}, {"1.5GB", 1'500'000'000}, {"512MiB", 536'870'912}, {"7B", 7}};
  for (const auto& [text, bytes] : cases) {
    ASSERT_TRUE(parse_bytes(text).has_value()) << text;
    EXPECT_EQ(parse_bytes(text).value(), bytes) << text;
  }
  for (const char* text : {"", "24", "GiB", "24 GiB", "-1GB", "24gib", "nanGB", "infGB", "1e300TB"}) {
    EXPECT_FALSE(parse_bytes(text).has_value()) << text;
  }
}

TEST(Nearest, ForgivesSlipsButNotOtherWords) {
  const std::vector<std::string> words{"needs", "uses", "with", "timeout"};
  EXPECT_EQ(nearest("need", words), "needs");
  EXPECT_EQ(nearest("wtih", words), "with");
  EXPECT_EQ(nearest("timeuot", words), "timeout");
  EXPECT_EQ(nearest("banana", words), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), words), "");
}

TEST(Graph, PutsNeedsFirstAndFindsACycle) {
  const GraphOrder good = order_graph({"c", "b", "a"}, {{"c", {"a", "b"}}, {"b", {"a"}}, {"a", {}}});
  EXPECT_EQ(good.order, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(good.cycle.empty());
  const GraphOrder bad = order_graph({"x", "a", "b"}, {{"x", {"a"}}, {"a", {"b"}}, {"b", {"a"}}});
  EXPECT_EQ(cycle_text(bad.cycle), "a -> b -> a");
}

TEST(Utf8, IsChecked) {
  EXPECT_EQ(find_bad_utf8("naïve \xF0\x9F\x8E\xB8"), std::string_view::npos);
  EXPECT_EQ(find_bad_utf8("ab\xFF"), 2U);
  EXPECT_EQ(find_bad_utf8("\xC0\xAF"), 0U);          // overlong
  EXPECT_EQ(find_bad_utf8("\xED\xA0\x80"), 0U);      // surrogate
  EXPECT_EQ(find_bad_utf8("a\xF0\x9F\x8E"), 1U);     // cut off
  EXPECT_EQ(find_bad_utf8("\xF5\x80\x80\x80"), 0U);  // beyond U+10FFFF
}

TEST(ParamValue, IsReadAsItsType) {
  Param param{.name = "p", .type = ParamType::kInt, .least = 1, .greatest = 5};
  EXPECT_EQ(check_param_value(param, "3", true).value(), 3);
  EXPECT_EQ(check_param_value(param, 3, true).value(), 3);
  EXPECT_EQ(check_param_value(param, "x", true).error().message, "param 'p' must be an integer, got the text 'x'");
  EXPECT_EQ(check_param_value(param, 9, true).error().message, "param 'p' must be at most 5, got 9");
  EXPECT_FALSE(check_param_value(param, "3", false).has_value());
  param = {.name = "p", .type = ParamType::kBool};
  EXPECT_EQ(check_param_value(param, "true", true).value(), true);
  EXPECT_FALSE(check_param_value(param, "yes", true).has_value());
  param = {.name = "p", .type = ParamType::kChoice, .choices = {8, 16}};
  EXPECT_EQ(check_param_value(param, "16", true).value(), 16);
  EXPECT_EQ(check_param_value(param, "17", true).error().message, "param 'p' cannot be '17'; did you mean '16'?");
  param = {.name = "p"};
  EXPECT_FALSE(check_param_value(param, "${{ steps.a }}", true).has_value());
  EXPECT_FALSE(check_param_value(param, "\xFF", true).has_value());
}

}  // namespace
}  // namespace luthier::spec
