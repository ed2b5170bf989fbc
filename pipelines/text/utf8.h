// UTF-8: validation, and decoding of a stream whose chunks may cut characters. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace luthier::text {

inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// Offset of the first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no
// overlong forms); nullopt when all of `bytes` is well formed.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view bytes);

// `bytes` with each ill-formed maximal subpart replaced by U+FFFD, as Unicode recommends and as Rust and Python do.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view bytes);

// Appends `code_point`, which must be a Unicode scalar value.
void append_utf8(std::string& text, char32_t code_point);

// Number of bytes of the well-formed character at `text[offset]`.
[[nodiscard]] std::size_t character_length(std::string_view text, std::size_t offset);

struct DecodedCharacter {
  char32_t code_point = 0;
  std::size_t length = 0;  // in bytes
};

// The character at `text[offset]`, which is well formed; does not look whether it is.
[[nodiscard]] inline DecodedCharacter decode_character(std::string_view text, std::size_t offset) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[offset + i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  if (lead < 0xe0) {
    return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  }
  if (lead < 0xf0) {
    return {(lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  }
  return {(lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

// Where the character that ends at `end` begins; end > 0, and `text` is well formed.
[[nodiscard]] inline std::size_t previous_character(std::string_view text, std::size_t end) {
  do {
    --end;
  } while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
  return end;
}

// Turns bytes into whole characters: what may still become a character is held back until its last byte comes.
// The concatenated results equal replace_invalid_utf8() of the concatenated input. Value type.
class Utf8Stream {
 public:
  [[nodiscard]] std::string push(std::string_view bytes);
  // What is held back, as U+FFFD; the stream is then empty.
  [[nodiscard]] std::string finish();

 private:
  std::string held_;  // an incomplete character: at most 3 bytes between calls
};

}  // namespace luthier::text
