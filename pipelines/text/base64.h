// Base64 of the standard alphabet.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace luthier::text {

// Nothing when a character is none of the alphabet's; padding may be missing.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace luthier::text
