// A model value brought into memory with its tokenizer and what luthier.json says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/worker/formats/dataset.h"
#include "agents/worker/formats/model_extras.h"
#include "agents/worker/formats/model_value.h"
#include "agents/worker/model/llama.h"
#include "agents/worker/serve/chat_prompt.h"
#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::worker {

struct LoadedModel {
  Llama model;
  text::Tokenizer tokenizer;
  ModelExtras extras;  // of the adapter, or of the base when there is none
  TokenId eos = 0;
  ChatFolders chat_folders;
  std::optional<ChatPrompt> chat;  // none: there is no chat template, or `chat_problem`
  std::string chat_problem;        // why the template cannot be used; empty when it can, or when there is none
};

// The token that ends a text: what the tokenizer says, else what the model's config says. kInvalidArgument when
// neither does.
[[nodiscard]] Result<TokenId> end_of_sequence(const text::Tokenizer& tokenizer, const ModelConfig* config);

// kInvalidArgument when the tokenizer knows tokens that the model does not.
[[nodiscard]] Result<void> check_vocabulary(const text::Tokenizer& tokenizer, const ModelConfig& config);

// For eval and serve. Computes in `dtype`.
[[nodiscard]] Result<LoadedModel> load_model(const ModelValue& value, at::ScalarType dtype, at::Device device);

}  // namespace luthier::worker
