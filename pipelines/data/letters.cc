#include "pipelines/data/letters.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "pipelines/text/utf8.h"

namespace luthier::data {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Letters with the property Lowercase that are not of category Ll (Unicode 14: Other_Lowercase within L*).
constexpr std::array<Range, 19> kOtherLower = {{{0xaa, 0xaa},
                                                {0xba, 0xba},
                                                {0x2b0, 0x2b8},
                                                {0x2c0, 0x2c1},
                                                {0x2e0, 0x2e4},
                                                {0x37a, 0x37a},
                                                {0x1d2c, 0x1d6a},
                                                {0x1d78, 0x1d78},
                                                {0x1d9b, 0x1dbf},
                                                {0x2071, 0x2071},
                                                {0x207f, 0x207f},
                                                {0x2090, 0x209c},
                                                {0x2c7c, 0x2c7d},
                                                {0xa69c, 0xa69d},
                                                {0xa770, 0xa770},
                                                {0xa7f8, 0xa7f9},
                                                {0xab5c, 0xab5f},
                                                {0x10780, 0x10780},
                                                {0x10783, 0x10785}}};
constexpr std::array<Range, 2> kOtherLowerBeyond = {{{0x10787, 0x107b0}, {0x107b2, 0x107ba}}};

// Word_Break MidLetter, MidNumLet and Single_Quote: what a cased word may have inside.
constexpr std::array<char32_t, 17> kInsideWords = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                                   0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                                   0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};

template <std::size_t Size>
bool holds(const std::array<Range, Size>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_upper(char32_t code) { return utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_LU; }

bool is_lower(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_LL || holds(kOtherLower, code) ||
         holds(kOtherLowerBeyond, code);
}

bool is_cased(char32_t code) {
  return is_upper(code) || is_lower(code) ||
         utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_LT;
}

bool is_case_ignorable(char32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: return std::find(kInsideWords.begin(), kInsideWords.end(), code) != kInsideWords.end();
  }
}

// Decodes the character at `offset` and moves behind it.
char32_t next_character(std::string_view text, std::size_t& offset) {
  utf8proc_int32_t code = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + offset;
  const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - offset), &code);
  if (length <= 0) {  // not reached with well-formed text
    return static_cast<unsigned char>(text[offset++]);
  }
  offset += static_cast<std::size_t>(length);
  return static_cast<char32_t>(code);
}

std::vector<char32_t> decode(std::string_view text) {
  std::vector<char32_t> codes;
  codes.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    codes.push_back(next_character(text, offset));
  }
  return codes;
}

// A letter before it and none after it, with what words may have inside left out.
bool ends_word(const std::vector<char32_t>& codes, std::size_t index) {
  std::size_t before = index;
  while (before > 0 && is_case_ignorable(codes[before - 1])) {
    --before;
  }
  if (before == 0 || !is_cased(codes[before - 1])) {
    return false;
  }
  std::size_t after = index + 1;
  while (after < codes.size() && is_case_ignorable(codes[after])) {
    ++after;
  }
  return after == codes.size() || !is_cased(codes[after]);
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string_view without_first(std::string_view text, std::size_t characters) {
  std::size_t offset = 0;
  for (; characters > 0 && offset < text.size(); --characters) {
    offset += text::character_length(text, offset);
  }
  return text.substr(std::min(offset, text.size()));
}

LetterCounts count_letters(std::string_view text) {
  LetterCounts counts;
  for (std::size_t offset = 0; offset < text.size();) {
    const auto byte = static_cast<unsigned char>(text[offset]);
    if (byte < 0x80) {
      counts.upper += byte >= 'A' && byte <= 'Z' ? 1 : 0;
      counts.lower += byte >= 'a' && byte <= 'z' ? 1 : 0;
      ++offset;
      continue;
    }
    const char32_t code = next_character(text, offset);
    counts.upper += is_upper(code) ? 1 : 0;
    counts.lower += is_lower(code) ? 1 : 0;
  }
  return counts;
}

std::string lower_case(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  if (is_ascii(text)) {
    for (const char c : text) {
      result.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    return result;
  }
  const std::vector<char32_t> codes = decode(text);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == 0x3a3) {
      text::append_utf8(result, ends_word(codes, i) ? 0x3c2 : 0x3c3);
    } else if (codes[i] == 0x130) {  // the one letter that becomes two
      result += "i\xcc\x87";
    } else {
      text::append_utf8(result, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(codes[i]))));
    }
  }
  return result;
}

}  // namespace luthier::data
