#include "pipelines/text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "pipelines/text/jinja/special_casing.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::jinja {
namespace {

utf8proc_category_t category_of(char32_t character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool is_cased(char32_t character) {
  return is_upper(character) || is_lower(character) || category_of(character) == UTF8PROC_CATEGORY_LT;
}

// Marks and the like, which a final sigma looks through.
bool is_case_ignorable(char32_t character) {
  switch (category_of(character)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: break;
  }
  return character == '\'' || character == '.' || character == ':' || character == 0xB7 || character == 0x2019 ||
         character == 0x387 || character == 0x2018 || character == 0x2024 || character == 0x2027;
}

void append_upper(std::string& out, char32_t character) {
  if (const char32_t* special = special_upper(character)) {
    for (int i = 0; i < 3 && special[i] != 0; ++i) {
      append_utf8(out, special[i]);
    }
    return;
  }
  append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(character))));
}

void append_title(std::string& out, char32_t character) {
  const char32_t* special = special_upper(character);
  const bool is_greek = character >= 0x1F80 && character <= 0x1FFC;
  if (character == 0x149) {  // an apostrophe and n: the letter is the second one
    append_upper(out, character);
    return;
  }
  if (special != nullptr && !is_greek) {
    append_utf8(out, special[0]);
    for (int i = 1; i < 3 && special[i] != 0; ++i) {
      append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(special[i]))));
    }
    return;
  }
  append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(character))));
}

// A capital sigma at the end of a word has a lower case of its own.
bool is_final_sigma(const std::u32string& characters, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(characters[before - 1])) {
    --before;
  }
  if (before == 0 || !is_cased(characters[before - 1])) {
    return false;
  }
  std::size_t after = at + 1;
  while (after < characters.size() && is_case_ignorable(characters[after])) {
    ++after;
  }
  return after == characters.size() || !is_cased(characters[after]);
}

std::u32string decode(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    characters += next_character(text, offset);
  }
  return characters;
}

void append_lower(std::string& out, const std::u32string& characters, std::size_t at) {
  const char32_t character = characters[at];
  if (character == 0x3A3) {
    append_utf8(out, is_final_sigma(characters, at) ? 0x3C2 : 0x3C3);
  } else if (character == 0x130) {
    out += "i\xcc\x87";
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
  }
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& offset) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    ++offset;
    return first;
  }
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t character = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    character = (character << 6U) | (byte(i) & 0x3FU);
  }
  offset += length;
  return character;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80; }));
}

std::size_t offset_of_character(std::string_view text, std::size_t index) {
  std::size_t offset = 0;
  for (; index > 0 && offset < text.size(); --index) {
    (void)next_character(text, offset);
  }
  return offset;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    (void)next_character(text, offset);
    characters.push_back(text.substr(begin, offset - begin));
  }
  return characters;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_end(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_printable(char32_t character) {
  if (character < 0x7F) {
    return character >= 0x20;
  }
  switch (category_of(character)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
  }
}

bool is_letter(char32_t character) {
  const utf8proc_category_t category = category_of(character);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t character) { return category_of(character) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t c) {
  return is_decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) || (c >= 0x2776 && c <= 0x277E);
}

bool is_word(char32_t character) {
  const utf8proc_category_t category = category_of(character);
  return character == '_' || is_letter(character) || category == UTF8PROC_CATEGORY_ND ||
         category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool is_upper(char32_t character) {
  if (character < 0x80) {
    return character >= 'A' && character <= 'Z';
  }
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(character)) != 0;
}

bool is_lower(char32_t character) {
  if (character < 0x80) {
    return character >= 'a' && character <= 'z';
  }
  return utf8proc_islower(static_cast<utf8proc_int32_t>(character)) != 0;
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    append_upper(out, next_character(text, offset));
  }
  return out;
}

std::string to_lower(std::string_view text) {
  const std::u32string characters = decode(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < characters.size(); ++i) {
    append_lower(out, characters, i);
  }
  return out;
}

std::string to_casefolded(std::string_view text) {
  std::string out;
  for (std::size_t offset = 0; offset < text.size();) {
    std::array<utf8proc_int32_t, 4> folded{};
    int boundary = 0;
    const auto character = static_cast<utf8proc_int32_t>(next_character(text, offset));
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(character, folded.data(), folded.size(), UTF8PROC_CASEFOLD, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < 4; ++i) {
      append_utf8(out, static_cast<char32_t>(folded[static_cast<std::size_t>(i)]));
    }
  }
  return out;
}

std::string to_swapped(std::string_view text) {
  const std::u32string characters = decode(text);
  std::string out;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (is_upper(characters[i])) {
      append_lower(out, characters, i);
    } else if (is_lower(characters[i])) {
      append_upper(out, characters[i]);
    } else {
      append_utf8(out, characters[i]);
    }
  }
  return out;
}

std::string to_capitalized(std::string_view text) {
  const std::u32string characters = decode(text);
  std::string out;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (i == 0) {
      append_title(out, characters[i]);
    } else {
      append_lower(out, characters, i);
    }
  }
  return out;
}

std::string to_title(std::string_view text) {
  const std::u32string characters = decode(text);
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (inside) {
      append_lower(out, characters, i);
    } else {
      append_title(out, characters[i]);
    }
    inside = is_cased(characters[i]);
  }
  return out;
}

std::string_view strip(std::string_view text, Side side) {
  while (side != Side::kRight && !text.empty()) {
    std::size_t offset = 0;
    if (!is_space(next_character(text, offset))) {
      break;
    }
    text.remove_prefix(offset);
  }
  while (side != Side::kLeft && !text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80) {
      --begin;
    }
    std::size_t offset = begin;
    if (!is_space(next_character(text, offset))) {
      break;
    }
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

std::string_view strip(std::string_view text, std::string_view characters, Side side) {
  const std::vector<std::string_view> unwanted = characters_of(characters);
  const auto is_unwanted = [&](std::string_view character) {
    return std::find(unwanted.begin(), unwanted.end(), character) != unwanted.end();
  };
  const std::vector<std::string_view> all = characters_of(text);
  std::size_t begin = 0;
  std::size_t end = all.size();
  while (side != Side::kRight && begin < end && is_unwanted(all[begin])) {
    ++begin;
  }
  while (side != Side::kLeft && end > begin && is_unwanted(all[end - 1])) {
    --end;
  }
  if (begin == end) {
    return {};
  }
  const char* first = all[begin].data();
  return {first, static_cast<std::size_t>(all[end - 1].data() + all[end - 1].size() - first)};
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t end = offset;
    const char32_t character = next_character(text, offset);
    if (!is_line_end(character)) {
      continue;
    }
    if (character == '\r' && offset < text.size() && text[offset] == '\n') {
      ++offset;
    }
    lines.push_back(text.substr(begin, (keep_ends ? offset : end) - begin));
    begin = offset;
  }
  if (begin < text.size()) {
    lines.push_back(text.substr(begin));
  }
  return lines;
}

}  // namespace luthier::text::jinja
