// `--model` of the verbs of `luthier data`: a Hugging Face folder, or a model of the controller, of which only the
// small files that say how it reads are fetched.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "pipelines/data/tokens/model_text.h"
#include "pipelines/text/chat/chat_template.h"

namespace luthier::cli {

// What the verbs share.
struct ModelTextOptions {
  std::string model;                   // folder, or a model of the controller
  std::string chat_template;           // file: instead of the model's own
  std::vector<std::string> variables;  // NAME=JSON
  std::string date;                    // YYYY-MM-DD; empty: today
  bool mend = true;
};
void add_model_text_options(CLI::App& command, ModelTextOptions& options);

using data::tokens::ModelText;
// kInvalidArgument: neither a folder here nor a model on the controller; says both reasons.
[[nodiscard]] Result<ModelText> load_model_text(const GlobalOptions& global, const ModelTextOptions& options);

[[nodiscard]] Result<text::ChatOptions> chat_options_of(const ModelTextOptions& options);

}  // namespace luthier::cli
