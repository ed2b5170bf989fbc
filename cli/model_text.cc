#include "cli/model_text.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "cli/download.h"
#include "cli/format.h"
#include "cli/models.h"
#include "cli/sources.h"
#include "pipelines/text/chat/chat_tokens.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

// Removed with all that is in it.
class FetchedFolder {
 public:
  FetchedFolder() : path_((fs::temp_directory_path() / "luthier-model-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      path_.clear();
    }
  }
  ~FetchedFolder() {
    std::error_code ignored;
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }
  FetchedFolder(const FetchedFolder&) = delete;
  FetchedFolder& operator=(const FetchedFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  std::string path_;
};

Result<void> fetch_files(ApiClient& api, const std::string& digest, const std::vector<std::string>& names,
                         const fs::path& folder) {
  LUTHIER_TRY(const artifact::Manifest manifest, fetch_manifest(api, digest));
  for (const artifact::FileEntry& file : manifest.files) {
    if (std::find(names.begin(), names.end(), file.path) != names.end()) {
      LUTHIER_TRY_VOID(create_folders((folder / file.path).parent_path()));
      LUTHIER_TRY_VOID(download_file(api, file, folder / file.path));
    }
  }
  return {};
}

Result<ModelText> fetch_model_text(const GlobalOptions& global, const ModelTextOptions& options,
                                   const fs::path& folder) {
  LUTHIER_TRY(ApiClient api, connect(global));
  LUTHIER_TRY(const Json version, find_version(api, options.model));
  LUTHIER_TRY_VOID(fetch_files(api, text_of(version, "base"),
                               {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json",
                                "chat_template.jinja", "additional_chat_templates/tool_use.jinja"},
                               folder));
  fs::path chat_template = options.chat_template;
  if (const std::string adapter = text_of(version, "adapter"); !adapter.empty() && chat_template.empty()) {
    // It brings the template that it was trained with, where its base has none.
    LUTHIER_TRY_VOID(fetch_files(api, adapter, {"chat_template.jinja"}, folder / "adapter"));
    std::error_code ignored;
    const fs::path own = folder / "adapter" / "chat_template.jinja";
    chat_template = fs::exists(own, ignored) ? own : fs::path();
  }
  return data::tokens::load_model_text(folder, chat_template, options.model);
}

}  // namespace

void add_model_text_options(CLI::App& command, ModelTextOptions& options) {
  command.add_option("--model", options.model, "Hugging Face folder, or a model of the controller such as NAME@ALIAS");
  command.add_option("--template", options.chat_template, "a Jinja file instead of the model's own chat template")
      ->type_name("FILE");
  command
      .add_option("--variable", options.variables, "of the template, such as enable_thinking=false; may be repeated")
      ->type_name("NAME=JSON")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--date", options.date,
                     "what templates write as today, as YYYY-MM-DD; that of trainings, 2024-07-26, unless given");
  command.add_flag("!--no-mend", options.mend, "leave a conversation refused that the template refuses");
}

Result<ModelText> load_model_text(const GlobalOptions& global, const ModelTextOptions& options) {
  if (options.model.empty() && options.chat_template.empty()) {
    return wrong("name the model whose template and tokenizer count: --model, or --template for a template by itself");
  }
  std::error_code ignored;
  if (options.model.empty() || fs::exists(options.model, ignored)) {
    return data::tokens::load_model_text(options.model, options.chat_template, options.model);
  }
  if (options.model.find('/') != std::string::npos) {
    return wrong("there is no folder " + options.model);
  }
  const FetchedFolder folder;
  if (folder.path().empty()) {
    return Error{ErrorCode::kInternal, "no temporary folder can be made"};
  }
  auto fetched = fetch_model_text(global, options, folder.path());
  if (!fetched) {
    return std::move(fetched).error().with("'" + options.model + "' is no folder here; on the controller");
  }
  return fetched;
}

void add_count_rule_options(CLI::App& command, std::string& tokenizer, std::string& rule) {
  command
      .add_option("--tokenizer", tokenizer,
                  "count with this one by the notebook's rule: tokenizer.json, .tiktoken or a folder")
      ->type_name("PATH");
  command
      .add_option(
          "--rule", rule,
          "template: what a training of --model reads; notebook: what OpenAI's cookbook counts (with --tokenizer)")
      ->check(CLI::IsMember({"template", "notebook"}));
}

Result<ModelText> load_model_and_tokenizer(const GlobalOptions& global, const ModelTextOptions& options,
                                           const std::string& tokenizer) {
  if (tokenizer.empty()) {
    if (options.model.empty()) {
      return wrong("counting needs a tokenizer: --model, or --tokenizer tokenizer.json or cl100k_base.tiktoken");
    }
    return load_model_text(global, options);
  }
  LUTHIER_TRY(ModelText counting, data::tokens::load_model_text(tokenizer, options.chat_template, tokenizer));
  if (options.model.empty()) {
    return counting;
  }
  LUTHIER_TRY(ModelText model, load_model_text(global, options));
  model.tokenizer = std::move(counting.tokenizer);
  model.tokenizer_digest = std::move(counting.tokenizer_digest);
  return model;
}

Result<data::tokens::CountRule> count_rule_of(const std::string& rule, const ModelTextOptions& options,
                                              const std::string& tokenizer) {
  const auto named = data::tokens::count_rule_named(rule);
  if (named == data::tokens::CountRule::kTemplate && options.model.empty() && options.chat_template.empty()) {
    return wrong("--rule template counts by a model's chat template: name the model with --model");
  }
  return named ? *named : tokenizer.empty() ? data::tokens::CountRule::kTemplate : data::tokens::CountRule::kNotebook;
}

Result<text::ChatOptions> chat_options_of(const ModelTextOptions& options) {
  text::ChatOptions chat;
  chat.mend = options.mend;
  for (const std::string& variable : options.variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      return wrong("--variable '" + variable + "' is not NAME=JSON");
    }
    const std::string value = variable.substr(equals + 1);
    text::ChatJson parsed = text::ChatJson::parse(value, nullptr, false);
    chat.variables[variable.substr(0, equals)] = parsed.is_discarded() ? text::ChatJson(value) : std::move(parsed);
  }
  chat.date = text::training_date();
  if (options.date.empty()) {
    return chat;
  }
  const char* end = ::strptime(options.date.c_str(), "%Y-%m-%d", &chat.date);
  if (end == nullptr || *end != '\0') {
    return wrong("--date '" + options.date + "' is not YYYY-MM-DD");
  }
  return chat;
}

}  // namespace luthier::cli
