// Unicode classes of characters as tokenizers' patterns use them, of Unicode 16: what Hugging Face's and OpenAI's
// tokenizers know, which is more than the libraries of Debian 12 do. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace luthier::text {

enum class CharacterClass : std::uint8_t {
  kOther,
  kWhiteSpace,  // the property White_Space
  kUpper,       // \p{Lu} and \p{Lt}
  kLower,       // \p{Ll}
  kLetter,      // \p{Lm} and \p{Lo}
  kMark,        // \p{M}
  kNumber,      // \p{N}
};

[[nodiscard]] CharacterClass class_of(char32_t code_point);

[[nodiscard]] bool is_white_space(char32_t code_point);

// What \w matches in Rust's patterns: alphabetic characters, marks, decimal digits, connectors and joiners.
[[nodiscard]] bool is_word_character(char32_t code_point);

// Whether the character is unknown to the Unicode version by which texts are normalised (unicode_newer.h).
[[nodiscard]] bool is_newer_than_normalization(char32_t code_point);

// For a character class of a pattern: the characters of a general category ("L", "Lu", …) that are newer than
// Unicode 14, as "\x{1c89}\x{a7cb}-\x{a7cd}". Empty for a name that is no category.
[[nodiscard]] std::string newer_characters(std::string_view category);

}  // namespace luthier::text
