// ChatTokens: a conversation as the ids that a model is trained on, and which of them are trained: the one way from
// messages to tokens, which training, packing, counts and `luthier data show` share.
#pragma once

#include <vector>

#include "base/result.h"
#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {

struct ChatTokens {
  RenderedChat chat;
  Encoding tokens;            // of chat.text: the template writes the special tokens itself
  std::vector<bool> trained;  // of each token
};

// Errors as ChatTemplate::render() and Encoder::encode(). `options.find_spans` must be set.
[[nodiscard]] Result<ChatTokens> chat_tokens(const ChatTemplate& chat_template, Encoder& encoder,
                                             const ChatJson& record, const ChatOptions& options);

// Templates that write today's date would give other tokens every day, so training and evaluation write this one: the
// day that Llama 3.1's template writes where it is told none, 26 July 2024.
[[nodiscard]] std::tm training_date();

// Whether a model learns anything from a sequence: the first token is never asked for.
[[nodiscard]] bool learns_anything(const std::vector<bool>& trained);

// The rule for conversations that are longer than a training takes: the beginning is kept. False: it was short enough.
[[nodiscard]] bool keep_beginning(std::vector<TokenId>& ids, std::vector<bool>& trained, std::size_t ids_max);

}  // namespace luthier::text
