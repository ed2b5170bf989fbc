// ModelText: how a model reads a conversation: its tokenizer, its chat template, how much it takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::data::tokens {

struct ModelText {
  std::optional<text::Tokenizer> tokenizer;  // none: only a template was named
  std::string tokenizer_digest;              // of its file, "sha256:…"
  std::optional<text::ChatTemplate> chat;    // none: neither the model nor its special tokens give one
  // Its source where it is not the model's own: one that was named, or text::plain_chat_template(), which training
  // takes for models without one. Empty: the model's own.
  std::string added_template;
  std::string no_chat;                  // why
  std::optional<std::int64_t> context;  // the longest text that the model takes, where its config.json says it
};

// `model`: a Hugging Face folder, a tokenizer.json, or a .tiktoken file, which has no template; empty: only
// `chat_template` counts. `chat_template`: a Jinja file instead of the model's own, or empty. `name`: of the model, for
// messages.
[[nodiscard]] Result<ModelText> load_model_text(const std::filesystem::path& model,
                                                const std::filesystem::path& chat_template, const std::string& name);

}  // namespace luthier::data::tokens
