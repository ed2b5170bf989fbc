#include "cli/model_arguments.h"

#include <filesystem>

namespace luthier::cli {
namespace {

constexpr const char* kVersionHelp = "NAME, NAME@ALIAS or NAME@VERSION";
constexpr const char* kArtifactHelp = "its digest, sha256:…, or RUN/STEP/OUTPUT, such as r-3/train/model";

void add_models(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  CLI::App* models = app.add_subcommand("models", "List, import, name, compare, export and verify models");
  models->require_subcommand(0, 1);
  models->callback([&, models] {
    if (models->get_subcommands().empty()) {
      chosen = [&] { return models_command(global, ""); };
    }
  });

  CLI::App* list = models->add_subcommand("list", "List models, or the versions and history of one");
  list->add_option("MODEL", arguments.model, "name");
  list->callback([&] { chosen = [&] { return models_command(global, arguments.model); }; });

  CLI::App* import = models->add_subcommand("import", "Upload a Hugging Face folder as a new version");
  import->add_option("DIR", arguments.import.folder, "config.json, tokenizer.json, *.safetensors")->required();
  import->add_option("--name", arguments.import.name, "name of the model; the folder's when not given");
  import->add_option("--description", arguments.import.description, "for people");
  import->callback([&] { chosen = [&] { return import_command(global, arguments.import); }; });

  CLI::App* alias = models->add_subcommand("alias", "Point an alias at a version");
  alias->add_option("MODEL", arguments.alias.model, "name")->required();
  alias->add_option("ALIAS", arguments.alias.alias, "such as production")->required();
  alias->add_option("VERSION", arguments.alias.version, "number")->required()->check(CLI::Range(1, 1'000'000'000));
  alias->callback([&] { chosen = [&] { return alias_command(global, arguments.alias); }; });
  alias->add_option("--expect", arguments.alias.expect, "only if it points at this version now; 0: at none")
      ->check(CLI::Range(0, 1'000'000'000));
  alias->add_flag("--force", arguments.alias.force, "also to a version that nobody has evaluated; the history says so");
}

// `--data` of the other commands is the data folder; here it is the file to ask, unless it names a folder. So both
// may be said, in any order.
void sort_out_data(GlobalOptions& global, ModelArguments& arguments) {
  for (const std::string& given : arguments.compare_data) {
    std::error_code ignored;
    std::string& place = std::filesystem::is_directory(given, ignored) ? global.data : arguments.compare.data;
    if (&place == &arguments.compare.data && !place.empty()) {
      throw CLI::ValidationError("--data", "names two files, " + place + " and " + given + "; give one");
    }
    place = given;
  }
}

void add_compare(CLI::App& models, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  CLI::App* compare = models.add_subcommand("compare", "Two versions side by side: metrics, and what they answer");
  compare->add_option("BASE", arguments.compare.a, kVersionHelp)->required();
  compare->add_option("TUNED", arguments.compare.b, "the same")->required();
  compare->add_option("--prompt", arguments.compare.prompts, "ask both this; may be repeated")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  compare
      ->add_option("--data", arguments.compare_data,
                   "ask both the records of this JSONL file; a folder is taken as the data folder, as elsewhere")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  compare->add_option("--html", arguments.compare.html, "write the comparison into this file, too");
  compare->add_flag("--differing", arguments.compare.differing, "print only answers that differ");
  compare->add_option("--limit", arguments.compare.limit, "of the file's records")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  compare->add_option("--max-tokens", arguments.compare.tokens_max, "of each answer")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  compare->add_option("--confidence", arguments.compare.confidence, "of the intervals")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  compare->callback([&] {
    sort_out_data(global, arguments);
    chosen = [&] { return compare_command(global, arguments.compare); };
  });
}

void add_keeping(CLI::App& models, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  CLI::App* history = models.add_subcommand("history", "Every move of a model's aliases: when, by whom, why");
  history->add_option("MODEL", arguments.model, "NAME or NAME@ALIAS")->required();
  history->callback([&] { chosen = [&] { return history_command(global, arguments.model); }; });

  CLI::App* rollback = models.add_subcommand("rollback", "Point an alias back at the version before");
  rollback->add_option("MODEL", arguments.rollback.model, "name")->required();
  rollback->add_option("--alias", arguments.rollback.alias, "which")->capture_default_str();
  rollback->add_option("--to", arguments.rollback.to, "a version that it has pointed at, instead of the one before")
      ->check(CLI::Range(1, 1'000'000'000));
  rollback->callback([&] { chosen = [&] { return rollback_command(global, arguments.rollback); }; });

  CLI::App* remove = models.add_subcommand("delete", "Delete a version that no alias points at");
  remove->add_option("VERSION", arguments.model, "NAME@VERSION")->required();
  remove->callback([&] { chosen = [&] { return delete_command(global, arguments.model); }; });

  CLI::App* verify = models.add_subcommand("verify", "Hash again everything that a version rests on");
  verify->add_option("VERSION", arguments.model, kVersionHelp)->required();
  verify->callback([&] { chosen = [&] { return verify_command(global, arguments.model); }; });

  CLI::App* give = models.add_subcommand("export", "Download a version as a Hugging Face folder");
  give->add_option("VERSION", arguments.export_.model, kVersionHelp)->required();
  give->add_option("DIR", arguments.export_.folder, "a new or empty folder")->required();
  give->add_flag("--merge", arguments.export_.merge, "base and adapter as one model; needs luthier-worker here");
  give->callback([&] { chosen = [&] { return export_command(global, arguments.export_); }; });
}

void add_artifacts(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  CLI::App* artifacts = app.add_subcommand("artifacts", "Show and download stored folders");
  artifacts->require_subcommand(1);
  CLI::App* show = artifacts->add_subcommand("show", "List the files of an artifact");
  show->add_option("ARTIFACT", arguments.digest, kArtifactHelp)->required();
  show->callback([&] { chosen = [&] { return artifact_show_command(global, arguments.digest); }; });
  CLI::App* get = artifacts->add_subcommand("get", "Download an artifact");
  get->add_option("ARTIFACT", arguments.digest, kArtifactHelp)->required();
  get->add_option("DIR", arguments.folder, "a new or empty folder")->required();
  get->callback([&] { chosen = [&] { return artifact_get_command(global, arguments.digest, arguments.folder); }; });
}

}  // namespace

void add_model_commands(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  add_models(app, global, arguments, chosen);
  CLI::App& models = *app.get_subcommand("models");
  add_compare(models, global, arguments, chosen);
  add_keeping(models, global, arguments, chosen);
  add_artifacts(app, global, arguments, chosen);
}

}  // namespace luthier::cli
