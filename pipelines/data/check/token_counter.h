// TokenCounter: how many tokens an example has and what truncation drops of it, by the rules of the cookbook's
// notebook: those of every text and role, 3 a message, 1 a name (counted with the message here), 3 a conversation.
// TrainingCounter: the same as a training of the model reads the example. One per thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "pipelines/data/check/chat_checks.h"
#include "pipelines/data/tokens/record_tokens.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::data::check {

class TokenCounter {
 public:
  // `context`: 0: none is known.
  TokenCounter(const text::Tokenizer& tokenizer, std::int64_t context) : encoder_(tokenizer), context_(context) {}

  // Of a conversation whose messages are numbered from 0 to `messages` - 1. An empty `cut` or what truncation would
  // drop.
  [[nodiscard]] std::int64_t count_chat(std::span<const MessageText> texts, std::size_t messages, std::string& cut);
  [[nodiscard]] std::int64_t count_completion(std::string_view prompt, std::string_view completion, std::string& cut);
  [[nodiscard]] std::int64_t count(std::string_view text);

 private:
  std::int64_t count_role(std::string_view role);

  text::Encoder encoder_;
  std::int64_t context_;
  std::vector<text::TokenId> ids_;
  std::unordered_map<std::string, std::int64_t> roles_;
  std::vector<std::int64_t> by_message_;
};

class TrainingCounter {
 public:
  // `model` must outlive it and have a tokenizer. `context`: what a training reads at once; 0: not known.
  TrainingCounter(const tokens::ModelText& model, text::ChatOptions options, std::int64_t context)
      : tokenizer_(model, std::move(options)), context_(context) {}

  // `record`: a chat, a pair or a text, as JSON. An empty `cut` or what truncation would drop. Errors say why a
  // training refuses the record.
  [[nodiscard]] Result<std::int64_t> count(const read::Json& record, std::string& cut);

 private:
  tokens::RecordTokenizer tokenizer_;
  std::int64_t context_;
};

}  // namespace luthier::data::check
