// White space as people leave it in exports. Pure; UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace luthier::data {

// Without white space at both ends: ASCII's, Unicode's space separators, zero-width spaces and byte order marks.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Trimmed, with each run of such white space inside as one space.
[[nodiscard]] std::string collapsed(std::string_view text);

}  // namespace luthier::data
