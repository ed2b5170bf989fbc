#include "pipelines/text/normalize.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "pipelines/text/unicode_classes.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

constexpr char32_t kCapitalIWithDot = 0x130;  // the only character whose full lower case is more than one

struct Free {
  void operator()(void* memory) const { std::free(memory); }  // utf8proc_map returns malloc's memory
};

Result<std::string> map(std::string_view text, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &raw, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(raw);
  if (length < 0) {
    return Error{ErrorCode::kResourceExhausted, std::string("normalising text: ") + utf8proc_errmsg(length)};
  }
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

bool compatible(UnicodeForm form) { return form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd; }

int options_of(UnicodeForm form) {
  const bool composed = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  return UTF8PROC_STABLE | (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
         (compatible(form) ? UTF8PROC_COMPAT : 0);
}

// Marks, and the vowels and final consonants of Hangul: what may join the character before it.
bool joins_what_precedes(utf8proc_int32_t code_point) {
  const utf8proc_property_t& property = *utf8proc_get_property(code_point);
  const bool mark = property.category == UTF8PROC_CATEGORY_MN || property.category == UTF8PROC_CATEGORY_MC ||
                    property.category == UTF8PROC_CATEGORY_ME;
  return mark || property.combining_class != 0 || (code_point >= 0x1160 && code_point <= 0x11ff);
}

// The capitals of Unicode 16 and 17; 0 for others.
char32_t newer_lower_case(char32_t capital) {
  switch (capital) {
    case 0xa7cb: return 0x264;
    case 0xa7dc: return 0x19b;
    case 0x1c89:
    case 0xa7cc:
    case 0xa7ce:
    case 0xa7d2:
    case 0xa7d4:
    case 0xa7da: return capital + 1;
    default: break;
  }
  const bool garay = capital >= 0x10d50 && capital <= 0x10d65;
  const bool beria = capital >= 0x16ea0 && capital <= 0x16eb8;
  return garay ? capital + 0x20 : beria ? capital + 0x1b : 0;
}

}  // namespace

Result<std::string> normalize_unicode(std::string_view text, UnicodeForm form) {
  std::string normal;
  std::size_t done = 0;  // what is before it is in `normal`
  bool inert = true;     // whether what is between `done` and `offset` is in the form for sure
  const auto flush = [&](std::size_t end) -> Result<void> {
    const std::string_view part = text.substr(done, end - done);
    if (inert) {
      normal += part;
    } else {
      LUTHIER_TRY(const std::string mapped, map(part, options_of(form)));
      normal += mapped;
    }
    done = end;
    inert = true;
    return {};
  };
  for (std::size_t offset = 0; offset < text.size();) {
    const DecodedCharacter character = decode_character(text, offset);
    if (!is_inert(character.code_point, form)) {
      if (is_newer_than_normalization(character.code_point)) {
        LUTHIER_TRY_VOID(flush(offset));
        normal += text.substr(offset, character.length);
        done = offset + character.length;
      } else {
        inert = false;
      }
    }
    offset += character.length;
  }
  LUTHIER_TRY_VOID(flush(text.size()));
  return normal;
}

bool begins_normalization_segment(char32_t code_point, UnicodeForm form) {
  if (code_point < 0x300 || is_newer_than_normalization(code_point)) {
    return true;
  }
  std::array<utf8proc_int32_t, 64> decomposed{};
  int boundary = 0;
  const auto options = UTF8PROC_DECOMPOSE | (compatible(form) ? UTF8PROC_COMPAT : 0);
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), decomposed.data(),
                                                         static_cast<utf8proc_ssize_t>(decomposed.size()),
                                                         static_cast<utf8proc_option_t>(options), &boundary);
  return count > 0 && !joins_what_precedes(decomposed[0]);
}

bool is_inert(char32_t code_point, UnicodeForm form) {
  if (code_point < 0x80 || (form == UnicodeForm::kNfc && code_point < 0x300)) {
    return true;
  }
  if (code_point >= 0x4e00 && code_point <= 0x9fff) {
    return true;  // the common part of CJK
  }
  if (code_point >= 0xac00 && code_point <= 0xd7a3) {
    return form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;  // Hangul syllables
  }
  const auto code = static_cast<utf8proc_int32_t>(code_point);
  const utf8proc_property_t& property = *utf8proc_get_property(code);
  // A compatibility decomposition has a type; canonical forms leave it alone.
  const bool decomposes = property.decomp_seqindex != UINT16_MAX && (compatible(form) || property.decomp_type == 0);
  return !decomposes && !joins_what_precedes(code);
}

Result<std::string> fold_case(std::string_view text) {
  return map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

void append_lower_case(std::string& text, char32_t code_point) {
  if (code_point == kCapitalIWithDot) {
    text += "i\xcc\x87";
    return;
  }
  if (const char32_t lower = newer_lower_case(code_point); lower != 0) {
    append_utf8(text, lower);
    return;
  }
  append_utf8(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
}

}  // namespace luthier::text
