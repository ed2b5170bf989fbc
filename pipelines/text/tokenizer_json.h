// Reads the members of a tokenizer.json into TokenizerParts; tokenizer.h says what is supported.
#pragma once

#include <string_view>

#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {

// kInvalidArgument names the member that is wrong or not supported.
[[nodiscard]] Result<TokenizerParts> parse_tokenizer_json(std::string_view text);

}  // namespace luthier::text
