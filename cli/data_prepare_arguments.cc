// The arguments of `luthier data prepare`.
#include "cli/data_prepare.h"

namespace luthier::cli {

void add_data_prepare(CLI::App& data, GlobalOptions& global, DataPrepareOptions& prepare,
                      std::function<int()>& chosen) {
  CLI::App* command =
      data.add_subcommand("prepare", "Repair a file of examples, asking before each repair; FILE itself never changes");
  command
      ->add_option("FILE", prepare.file,
                   ".jsonl .json .csv .tsv .xlsx .txt, also with .gz or .zst, or a folder of such files; -: stdin")
      ->required();
  command->add_flag("-y,--yes", prepare.yes, "accept all that is recommended");
  command->add_flag("--plan", prepare.plan, "only say what would be done; write nothing");
  command->add_flag("--clean", prepare.clean,
                    "repair also what the legacy tool does not look at: white space, spellings of labels, conflicts");
  command->add_option("--decline", prepare.decline, "code of a repair that is not made; may be repeated")
      ->type_name("CODE")
      ->expected(1)
      ->take_all();
  command->add_option("--to", prepare.folder, "folder to write to; beside FILE without it")->type_name("DIR");
  command->add_option("--format", prepare.format, "format of FILE; by its extension without it")
      ->check(CLI::IsMember({"csv", "tsv", "json", "jsonl", "txt", "xlsx"}));
  command->add_option("--task", prepare.task, "what the data is for; by the data without it")
      ->check(CLI::IsMember({"classification", "generation", "text", "chat"}));
  command->add_option("--prompt-column", prepare.prompt_column, "where its name does not tell")->type_name("NAME");
  command->add_option("--completion-column", prepare.completion_column, "where its name does not tell")
      ->type_name("NAME");
  command->add_option("--label", prepare.labels, "a class that is allowed; may be repeated")
      ->type_name("LABEL")
      ->expected(1)
      ->take_all();
  command->add_option("--separator", prepare.separator, "what every prompt shall end with")->type_name("TEXT");
  command->add_option("--ending", prepare.ending, "what every completion shall end with")->type_name("TEXT");
  command
      ->add_option("--turns", prepare.turns, "a row for each answer of a dialogue: a chat, or a prompt and completion")
      ->check(CLI::IsMember({"chats", "prompts"}));
  command->add_option("--validation", prepare.validation, "fraction of the rows held out for validation")
      ->check(CLI::Range(0.0, 0.99));
  command->add_option("--test", prepare.test, "fraction of the rows held out for a test")->check(CLI::Range(0.0, 0.99));
  command->add_option("--group", prepare.group, "column whose equal values stay in one part")->type_name("NAME");
  command->add_option("--fraction", prepare.fraction, "part of the training rows to keep, for learning curves")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", prepare.seed, "of the split and the fraction")->capture_default_str();
  command->add_option("--memory", prepare.memory, "of what is kept of each row; beyond it goes to disk")
      ->capture_default_str();
  command->add_option("--temporary-folder", prepare.temporary_folder, "for that and for the rows; TMPDIR unless given");
  command->add_option("--threads", prepare.threads, "0: one a core")->check(CLI::Range(0, 256))->capture_default_str();
  command->add_flag("--fetch-images", prepare.fetch_images, "fetch and check images that are at http(s) URLs");
  command->add_flag("--allow-private-addresses", prepare.allow_private_addresses, "also from private networks");
  command->add_option("--scan-images", prepare.scan_images, "program or URL that looks at each image (docs/data.md)");
  command->callback([&] { chosen = [&] { return data_prepare_command(global, prepare); }; });
}

}  // namespace luthier::cli
