#include "pipelines/text/utf8.h"

#include <gtest/gtest.h>

#include "pipelines/text/byte_level.h"

namespace luthier::text {
namespace {

const std::string kBad = "\xef\xbf\xbd";

TEST(Utf8, FindsTheFirstBadByteAndReplacesEachBadPart) {
  const struct {
    std::string bytes;
    std::optional<std::size_t> invalid;
    std::string replaced;
  } cases[] = {
      {"", std::nullopt, ""},
      {"plain", std::nullopt, "plain"},
      {"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x91\x8d", std::nullopt, "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x91\x8d"},
      {"a\xff", 1, "a" + kBad},
      {"\x80\x80", 0, kBad + kBad},
      {"\xc0\xaf", 0, kBad + kBad},                        // overlong
      {"\xed\xa0\x80", 0, kBad + kBad + kBad},             // a surrogate
      {"\xf4\x90\x80\x80", 0, kBad + kBad + kBad + kBad},  // beyond U+10FFFF
      {"\xe4\xb8", 0, kBad},                               // cut short: one part
      {"\xf0\x9f\x91z", 0, kBad + "z"},
      {"\xf0\x9f\xe4\xb8\xad", 0, kBad + "\xe4\xb8\xad"},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(find_invalid_utf8(test_case.bytes), test_case.invalid) << test_case.bytes;
    EXPECT_EQ(replace_invalid_utf8(test_case.bytes), test_case.replaced) << test_case.bytes;
  }
}

TEST(Utf8, AStreamHoldsBackWhatIsNotWholeYet) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xf0\x9f"), "a");
  EXPECT_EQ(stream.push("\x91"), "");
  EXPECT_EQ(stream.push("\x8d!\xe4"), "\xf0\x9f\x91\x8d!");
  EXPECT_EQ(stream.finish(), kBad);
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8, AStreamCutAnywhereGivesWhatTheWholeGives) {
  const std::string bytes = "x\xf0\x9f\x91\x8d\xe4\xb8\xff\xc3\xa9\xf0\x9f\xed\xa0\x80 end\xf4\x8f";
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      Utf8Stream stream;
      std::string text = stream.push(bytes.substr(0, first));
      text += stream.push(bytes.substr(first, second - first));
      text += stream.push(bytes.substr(second));
      text += stream.finish();
      EXPECT_EQ(text, replace_invalid_utf8(bytes));
    }
  }
}

TEST(ByteLevel, EveryByteHasACharacterAndBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  }
  EXPECT_EQ(from_byte_level(to_byte_level(bytes)), bytes);
  EXPECT_EQ(to_byte_level("a b\n"),
            "a\xc4\xa0"
            "b\xc4\x8a");
  EXPECT_EQ(from_byte_level("a b"), std::nullopt);
  EXPECT_EQ(from_byte_level("\xe2\x96\x81"), std::nullopt);
}

}  // namespace
}  // namespace luthier::text
