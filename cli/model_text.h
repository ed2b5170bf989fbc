// ModelText: how a model reads a conversation: its tokenizer and its chat template. From a Hugging Face folder, or from
// a model of the controller, of which only these small files are fetched.
#pragma once

#include <CLI/CLI.hpp>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::cli {

// What `luthier data show` and `render` share.
struct ModelTextOptions {
  std::string model;                   // folder, or a model of the controller
  std::string chat_template;           // file: instead of the model's own
  std::vector<std::string> variables;  // NAME=JSON
  std::string date;                    // YYYY-MM-DD; empty: today
  bool mend = true;
};
void add_model_text_options(CLI::App& command, ModelTextOptions& options);

struct ModelText {
  std::optional<text::Tokenizer> tokenizer;  // none: only a template was named
  std::optional<text::ChatTemplate> chat;    // none: the model has no template
  std::string no_chat;                       // why
};
[[nodiscard]] Result<ModelText> load_model_text(const GlobalOptions& global, const ModelTextOptions& options);

[[nodiscard]] Result<text::ChatOptions> chat_options_of(const ModelTextOptions& options);

}  // namespace luthier::cli
