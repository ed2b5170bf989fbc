// `--model` of the verbs of `luthier data`: a Hugging Face folder, or a model of the controller, of which only the
// small files that say how it reads are fetched.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "pipelines/data/tokens/count_rule.h"
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

// `--tokenizer` beside or instead of `--model`, and `--rule`, for verbs that count.
void add_count_rule_options(CLI::App& command, std::string& tokenizer, std::string& rule);
// The model, with the tokenizer at `tokenizer` instead of its own unless that is empty. At least one must be named.
[[nodiscard]] Result<ModelText> load_model_and_tokenizer(const GlobalOptions& global, const ModelTextOptions& options,
                                                         const std::string& tokenizer);
// By the model's template unless `rule` or a tokenizer by itself says otherwise.
[[nodiscard]] Result<data::tokens::CountRule> count_rule_of(const std::string& rule, const ModelTextOptions& options,
                                                            const std::string& tokenizer);

[[nodiscard]] Result<text::ChatOptions> chat_options_of(const ModelTextOptions& options);

}  // namespace luthier::cli
