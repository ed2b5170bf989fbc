#include "cli/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace luthier::cli {
namespace {

TEST(Format, Durations) {
  const std::vector<std::pair<std::int64_t, std::string>> table = {
      {-5, "0 ms"},     {0, "0 ms"},      {840, "840 ms"},      {1'000, "1.0 s"},         {9'999, "10.0 s"},
      {10'000, "10 s"}, {59'999, "59 s"}, {60'000, "1 m 00 s"}, {3'599'000, "59 m 59 s"}, {7'620'000, "2 h 07 m"}};
  for (const auto& [duration_ms, text] : table) {
    EXPECT_EQ(format_duration(duration_ms), text);
  }
  EXPECT_EQ(format_clock(31), "0:31");
  EXPECT_EQ(format_clock(725), "12:05");
  EXPECT_EQ(format_clock(3'723), "1:02:03");
}

TEST(Format, Numbers) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_count(-1'000), "-1,000");
  EXPECT_EQ(format_number(0.98123), "0.9812");
  EXPECT_EQ(format_number(50), "50");
  EXPECT_EQ(format_number(1209.7), "1,210");
  EXPECT_EQ(format_number(std::nan("")), "nan");
  EXPECT_EQ(format_number(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(format_bytes(12), "12 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
}

TEST(Format, UsageNamesWhatIsKnown) {
  EXPECT_EQ(format_usage(nullptr), "");
  EXPECT_EQ(format_usage(Json::object()), "");
  EXPECT_EQ(format_usage({{"cpu_seconds", 0.25}, {"peak_memory_bytes", 3 << 20}}), "0.25 s CPU, 3.0 MiB");
  EXPECT_EQ(format_usage({{"gpu_seconds", 90.0}, {"mean_gpu_utilization", 0.754}, {"peak_gpu_memory_bytes", 1 << 30}}),
            "90 s GPU (75 %), 1.0 GiB of GPU");
  EXPECT_EQ(format_usage({{"mean_gpu_utilization", 0.0}}), "0 s GPU (0 %)") << "a GPU that was never used";
  EXPECT_EQ(format_usage({{"cpu_seconds", "x"}, {"peak_memory_bytes", -1}}), "");
}

TEST(Format, BarsStayWithinTheirWidth) {
  EXPECT_EQ(format_bar(0.5, 10), "[#####-----]");
  EXPECT_EQ(format_bar(-1, 4), "[----]");
  EXPECT_EQ(format_bar(7, 4), "[####]");
  EXPECT_EQ(format_bar(std::nan(""), 4), "[----]");
}

TEST(Format, TablesAlignByColumnsNotBytes) {
  EXPECT_EQ(format_table({{"A", "LONG"}, {"wörd", "x"}, {"b", ""}}), "A     LONG\nwörd  x\nb\n");
  EXPECT_EQ(columns_of("äöü"), 3U);
  EXPECT_EQ(cut("äöüß", 3), "äö…");
  EXPECT_EQ(cut("abc", 3), "abc");
}

TEST(Format, TextFromElsewhereCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x07"), "a?[2Jb c?");
  EXPECT_EQ(text_of({{"a", "x\ny"}, {"n", 3}, {"z", nullptr}}, "a"), "x y");
  EXPECT_EQ(text_of({{"a", 3}}, "a"), "3");
  EXPECT_EQ(text_of({{"z", nullptr}}, "z"), "");
  EXPECT_EQ(text_of(Json(), "z"), "");
}

TEST(Format, TimesAreReadBack) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:01.500Z"), 1'500);
  EXPECT_EQ(parse_utc("2026-11-21T00:20:22.123Z"), 1'795'220'422'123);
  EXPECT_EQ(parse_utc("yesterday"), std::nullopt);
}

}  // namespace
}  // namespace luthier::cli
