// RecordTokens: a record of any kind as a training reads it: its text, its ids, and which of them are trained.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/example.h"
#include "pipelines/data/tokens/model_text.h"
#include "pipelines/text/chat/chat_tokens.h"

namespace luthier::data::tokens {

struct RecordTokens {
  read::RecordKind kind = read::RecordKind::kUnknown;
  text::RenderedChat chat;  // of other records too: their text, spans and notes
  text::Encoding tokens;    // empty without a tokenizer
  std::vector<bool> trained;
  [[nodiscard]] std::size_t trained_count() const;
};

// One per thread.
class RecordTokenizer {
 public:
  // `model` must outlive it. `end`: what pairs and texts end with; the tokenizer's end of text unless given, else
  // nothing.
  RecordTokenizer(const ModelText& model, text::ChatOptions options, std::optional<text::TokenId> end = std::nullopt);

  // Chats and preferences (the preferred answer) by the template; prompts with completions, and texts, as the worker
  // joins them: after the tokenizer's prefix, before the end token, special tokens written in them as plain text.
  // Whole, however long. Errors say what is wrong with the record, without its place.
  [[nodiscard]] Result<RecordTokens> tokens_of(const read::Json& record);

 private:
  Result<void> read_chat(const text::ChatJson& chat, RecordTokens& made);
  Result<void> read_pair(const std::string& prompt, const std::string& completion, RecordTokens& made);

  const ModelText& model_;
  text::ChatOptions options_;
  std::optional<text::Encoder> encoder_;
  std::optional<text::TokenId> end_;
};

// The conversation of a preference with one of its answers: `answer` is preferred_output or non_preferred_output.
[[nodiscard]] Result<text::ChatJson> conversation_of(const read::Json& preference, const char* answer);

}  // namespace luthier::data::tokens
