// ChatPrompt: how a model is asked with conversations, by its chat template. Free of LibTorch; immutable.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "agents/worker/formats/chat_format.h"
#include "agents/worker/formats/model_extras.h"
#include "base/result.h"

namespace luthier::worker {

// Whether a model that has a chat template is asked by it: not one that was trained on prompts and completions, which
// knows no turns.
[[nodiscard]] bool is_asked_by_template(const ModelExtras& extras);

class ChatPrompt {
 public:
  ChatPrompt(ChatFormat format, const text::Tokenizer& tokenizer);

  // The conversation `chat` ({"messages": …, "tools": …}) with the header of the answer to come. kInvalidArgument, or
  // kFailedPrecondition where the template refuses it, with the template's place and words; kResourceExhausted where
  // it needs too much work.
  [[nodiscard]] Result<std::string> text_of(const text::ChatJson& chat, const std::tm& date) const;
  // Of that text, whose special tokens are the template's.
  [[nodiscard]] static Result<std::vector<TokenId>> ids_of(text::Encoder& encoder, const std::string& text);

  // What the model writes before the words of an answer; not part of it.
  [[nodiscard]] const std::string& opening() const { return opening_; }
  // Tokens that end an answer, beside the model's end of text.
  [[nodiscard]] const std::vector<TokenId>& ends() const { return ends_; }
  // The text that ends an answer, of templates that end turns with other than one special token.
  [[nodiscard]] const std::vector<std::string>& stops() const { return stops_; }

 private:
  ChatFormat format_;
  std::string opening_;
  std::vector<TokenId> ends_;
  std::vector<std::string> stops_;
};

}  // namespace luthier::worker
