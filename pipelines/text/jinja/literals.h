// Numbers and texts as they are written in a template. Throw Fault.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace luthier::text::jinja {

// Bytes of the number that begins at `at`; 0 when there is none.
[[nodiscard]] std::size_t number_length(std::string_view source, std::size_t at);
// Of a number that number_length() has found.
[[nodiscard]] bool is_real(std::string_view number);
[[nodiscard]] double parse_real(std::string_view number);
[[nodiscard]] std::int64_t parse_integer(std::string_view number);
// The text between quotes with its escapes resolved.
[[nodiscard]] std::string unescape(std::string_view text);

}  // namespace luthier::text::jinja
