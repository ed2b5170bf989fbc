// Unicode normalisation by utf8proc.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::text {

// NFC. `text` must be well-formed UTF-8.
[[nodiscard]] Result<std::string> normalize_nfc(std::string_view text);

// Unicode case folding: two texts that differ in case only fold to the same text. Same precondition.
[[nodiscard]] Result<std::string> fold_case(std::string_view text);

}  // namespace luthier::text
