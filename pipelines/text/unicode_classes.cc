#include "pipelines/text/unicode_classes.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "pipelines/text/unicode_newer.h"

namespace luthier::text {
namespace {

constexpr std::size_t kTableEnd = 0x32400;  // beyond are variation selectors and private use
constexpr char32_t kSelectorsBegin = 0xe0100;
constexpr char32_t kSelectorsEnd = 0xe01f0;

CharacterClass class_of_category(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT: return CharacterClass::kUpper;
    case UTF8PROC_CATEGORY_LL: return CharacterClass::kLower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharacterClass::kLetter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return CharacterClass::kMark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharacterClass::kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CharacterClass::kWhiteSpace;
    default: return CharacterClass::kOther;
  }
}

constexpr std::string_view kCategoryNames[] = {  // in the order of Category
    "Ll", "Lm", "Lo", "Lu", "Mc", "Mn", "Nd", "No", "Pd", "Po", "Sm", "So"};

CharacterClass class_of_name(std::string_view name) {
  switch (name.front()) {
    case 'M': return CharacterClass::kMark;
    case 'N': return CharacterClass::kNumber;
    case 'L': break;
    default: return CharacterClass::kOther;
  }
  return name == "Lu" || name == "Lt" ? CharacterClass::kUpper
         : name == "Ll"               ? CharacterClass::kLower
                                      : CharacterClass::kLetter;
}

std::vector<CharacterClass> make_table() {
  std::vector<CharacterClass> table(kTableEnd);
  for (std::size_t i = 0; i < kTableEnd; ++i) {
    table[i] = class_of_category(utf8proc_category(static_cast<utf8proc_int32_t>(i)));
  }
  for (const CategoryRange& range : kNewerCharacters) {
    for (char32_t i = range.first; i <= range.last; ++i) {
      table[i] = class_of_name(kCategoryNames[static_cast<std::size_t>(range.category)]);
    }
  }
  for (const char32_t control : {U'\t', U'\n', U'\v', U'\f', U'\r', U'\u0085'}) {
    table[control] = CharacterClass::kWhiteSpace;
  }
  return table;
}

}  // namespace

CharacterClass class_of(char32_t code_point) {
  static const std::vector<CharacterClass> table = make_table();  // a constant
  if (code_point < kTableEnd) {
    return table[code_point];
  }
  return code_point >= kSelectorsBegin && code_point < kSelectorsEnd ? CharacterClass::kMark : CharacterClass::kOther;
}

bool is_white_space(char32_t code_point) { return class_of(code_point) == CharacterClass::kWhiteSpace; }

bool is_word_character(char32_t code_point) {
  switch (class_of(code_point)) {
    case CharacterClass::kUpper:
    case CharacterClass::kLower:
    case CharacterClass::kLetter:
    case CharacterClass::kMark: return true;
    case CharacterClass::kWhiteSpace: return false;
    default: break;
  }
  // Joiners, and the circled and squared letters, which are symbols that count as alphabetic.
  if (code_point == 0x200c || code_point == 0x200d || (code_point >= 0x24b6 && code_point <= 0x24e9) ||
      (code_point >= 0x1f130 && code_point <= 0x1f149) || (code_point >= 0x1f150 && code_point <= 0x1f169) ||
      (code_point >= 0x1f170 && code_point <= 0x1f189)) {
    return true;
  }
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  const bool digit = class_of(code_point) == CharacterClass::kNumber && category != UTF8PROC_CATEGORY_NO;
  return digit || category == UTF8PROC_CATEGORY_PC;
}

bool is_newer_than_normalization(char32_t code_point) {
  const auto ends_before = [](const auto& range, char32_t value) { return range.last < value; };
  const auto* newer =
      std::lower_bound(std::begin(kNewerCharacters), std::end(kNewerCharacters), code_point, ends_before);
  const auto* moved =
      std::lower_bound(std::begin(kNewerInNormalization), std::end(kNewerInNormalization), code_point, ends_before);
  return (newer != std::end(kNewerCharacters) && newer->first <= code_point) ||
         (moved != std::end(kNewerInNormalization) && moved->first <= code_point);
}

std::string newer_characters(std::string_view category) {
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  std::string ranges;
  const auto write = [&](char32_t code_point) {
    ranges += "\\x{";
    for (int shift = 20; shift >= 0; shift -= 4) {
      ranges += kHexadecimal[code_point >> shift & 0xf];
    }
    ranges += '}';
  };
  for (const CategoryRange& range : kNewerCharacters) {
    const std::string_view name = kCategoryNames[static_cast<std::size_t>(range.category)];
    if (name != category && name.substr(0, 1) != category) {
      continue;
    }
    write(range.first);
    if (range.last > range.first) {
      ranges += '-';
      write(range.last);
    }
  }
  return ranges;
}

}  // namespace luthier::text
