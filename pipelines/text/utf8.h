// UTF-8: validation, and decoding of a stream whose chunks may cut characters. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace luthier::text {

// Offset of the first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no
// overlong forms); nullopt when all of `bytes` is well formed.
[[nodiscard]] std::optional<std::size_t> find_invalid_utf8(std::string_view bytes);

// `bytes` with each ill-formed maximal subpart replaced by U+FFFD, as Unicode recommends and as Rust and Python do.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view bytes);

// Appends `code_point`, which must be a Unicode scalar value.
void append_utf8(std::string& text, char32_t code_point);

// Number of bytes of the well-formed character at `text[offset]`.
[[nodiscard]] std::size_t character_length(std::string_view text, std::size_t offset);

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
