#include "cli/model_arguments.h"

#include <filesystem>

namespace luthier::cli {
namespace {

constexpr const char* kVersionHelp = "NAME, NAME@ALIAS or NAME@VERSION";

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
  alias->add_flag("--force", arguments.alias.force, "also to a version that nobody has evaluated; the history says so");
}

void add_compare(CLI::App& models, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  CLI::App* compare = models.add_subcommand("compare", "Two versions side by side: metrics, and what they answer");
  compare->add_option("BASE", arguments.compare.a, kVersionHelp)->required();
  compare->add_option("TUNED", arguments.compare.b, "the same")->required();
  compare->add_option("--prompt", arguments.compare.prompts, "ask both this; may be repeated")->expected(1)->take_all();
  compare->add_option("--data", arguments.compare.data, "ask both the records of this JSONL file");
  compare->add_option("--limit", arguments.compare.limit, "of the file's records")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  compare->add_option("--max-tokens", arguments.compare.tokens_max, "of each answer")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  compare->callback([&] { chosen = [&] { return compare_command(global, arguments.compare); }; });
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
}

}  // namespace

void add_model_commands(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen) {
  add_models(app, global, arguments, chosen);
  CLI::App& models = *app.get_subcommand("models");
  add_compare(models, global, arguments, chosen);
  add_keeping(models, global, arguments, chosen);
}

}  // namespace luthier::cli
