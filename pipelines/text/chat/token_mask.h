// Which tokens of a rendered conversation are trained: spans of bytes joined with the places of tokens.
#pragma once

#include <vector>

#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {

// Of each token of `encoding`: whether any of its bytes is trained, as Hugging Face's assistant masks count. `spans`
// are RenderedChat::spans of the text that was encoded. Tokens that the text does not hold are not trained.
[[nodiscard]] std::vector<bool> trained_tokens(const Encoding& encoding, const std::vector<ChatSpan>& spans);

}  // namespace luthier::text
