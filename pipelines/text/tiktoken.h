// Reads .tiktoken files: one token a line, its bytes in base64 and its rank, which is also its id.
#pragma once

#include <string_view>

#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {

// `encoding` ("cl100k_base", "o200k_base", "p50k_base", "r50k_base") says the pattern and the special tokens, which the
// file does not hold. kInvalidArgument names the line that is wrong, or the encodings that there are.
[[nodiscard]] Result<TokenizerParts> parse_tiktoken(std::string_view ranks, std::string_view encoding);

}  // namespace luthier::text
