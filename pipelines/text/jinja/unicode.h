// Characters of UTF-8 text as Python's str sees them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::text::jinja {

// The character at `offset`, which must be the first byte of a well-formed one; moves `offset` behind it.
[[nodiscard]] char32_t next_character(std::string_view text, std::size_t& offset);
[[nodiscard]] std::size_t count_characters(std::string_view text);
// Byte offset of character `index`; the size of `text` when there are fewer.
[[nodiscard]] std::size_t offset_of_character(std::string_view text, std::size_t index);
// Each character as a piece of `text`.
[[nodiscard]] std::vector<std::string_view> characters_of(std::string_view text);

[[nodiscard]] bool is_space(char32_t character);
[[nodiscard]] bool is_line_end(char32_t character);
[[nodiscard]] bool is_printable(char32_t character);
[[nodiscard]] bool is_letter(char32_t character);   // str.isalpha
[[nodiscard]] bool is_decimal(char32_t character);  // str.isdecimal
[[nodiscard]] bool is_digit(char32_t character);    // str.isdigit: also superscripts
[[nodiscard]] bool is_word(char32_t character);     // \w of an identifier
[[nodiscard]] bool is_upper(char32_t character);
[[nodiscard]] bool is_lower(char32_t character);

[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_casefolded(std::string_view text);
[[nodiscard]] std::string to_swapped(std::string_view text);  // str.swapcase
// str.capitalize: the first character in title case, the others in lower case.
[[nodiscard]] std::string to_capitalized(std::string_view text);
// str.title: the first letter of every run of letters.
[[nodiscard]] std::string to_title(std::string_view text);

// Without spaces at its ends, or without any of `characters`.
enum class Side { kBoth, kLeft, kRight };
[[nodiscard]] std::string_view strip(std::string_view text, Side side = Side::kBoth);
[[nodiscard]] std::string_view strip(std::string_view text, std::string_view characters, Side side);
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

}  // namespace luthier::text::jinja
