// The byte-level alphabet of GPT-2: each byte has a printable character, so that a vocabulary of arbitrary byte
// strings can be written as text. Printable Latin-1 stands for itself; the other 68 bytes are U+0100 and on, in
// order (space is U+0120). Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace luthier::text {

// The character of each byte, in UTF-8.
[[nodiscard]] const std::array<std::string, 256>& byte_level_alphabet();

[[nodiscard]] std::string to_byte_level(std::string_view bytes);

// nullopt when `text` holds a character outside the alphabet.
[[nodiscard]] std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace luthier::text
