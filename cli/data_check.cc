#include "cli/data_check.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "pipelines/data/check/check_file.h"

namespace luthier::cli {
namespace {

namespace check = data::check;

// `input`: is filled where the file is stdin.
Result<check::CheckOptions> to_check_options(const GlobalOptions& global, const DataCheckOptions& given,
                                             std::optional<StandardInput>& input) {
  check::CheckOptions options;
  options.file = given.file;
  if (!given.validation.empty()) {
    options.validation = given.validation;
  }
  if (!given.format.empty()) {
    options.read.format = data::read::file_format_named(given.format);
  }
  if (given.file == kStandardInput) {
    LUTHIER_TRY(input, StandardInput::spool(given.temporary_folder));
    options.file = input->path();
    options.name = "stdin";
    if (given.format.empty()) {
      LUTHIER_TRY(const std::string format, input->format());
      options.read.format = data::read::file_format_named(format);
    }
  }
  LUTHIER_TRY(options.memory_bytes, parse_memory(given.memory));
  options.temporary_folder = given.temporary_folder;
  options.threads = given.threads;
  options.places_max = given.places;
  options.near_duplicates = given.near_duplicates;
  options.images.fetch = given.fetch_images;
  options.images.fetching.allow_private = given.allow_private_addresses;
  options.images.scan = given.scan_images;
  options.context = given.context_tokens;
  if (!given.tokenizer.empty() || !given.model.model.empty()) {
    LUTHIER_TRY(ModelText model, load_model_and_tokenizer(global, given.model, given.tokenizer));
    LUTHIER_TRY(options.rule, count_rule_of(given.rule, given.model, given.tokenizer));
    LUTHIER_TRY(options.chat, chat_options_of(given.model));
    options.context = options.context == 0 ? model.context.value_or(0) : options.context;
    options.model = std::make_shared<const ModelText>(std::move(model));
  }
  return options;
}

}  // namespace

Result<std::size_t> parse_memory(const std::string& text) {
  std::size_t digits = 0;
  std::uint64_t value = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 12) {
    value = value * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  const std::string unit = text.substr(digits);
  const int shift = unit.empty() ? 0 : unit == "KiB" ? 10 : unit == "MiB" ? 20 : unit == "GiB" ? 30 : -1;
  if (digits == 0 || shift < 0 || value == 0) {
    return Error{ErrorCode::kInvalidArgument, "--memory '" + text + "' must be a size such as 64MiB or 1GiB"};
  }
  return static_cast<std::size_t>(value << shift);
}

void add_data_check(CLI::App& data, GlobalOptions& global, DataCheckOptions& options, std::function<int()>& chosen) {
  CLI::App* check = data.add_subcommand("check", "Say what is wrong with a data file, with places and remedies");
  check->add_option("FILE", options.file, ".jsonl .json .csv .tsv .xlsx .txt, also with .gz or .zst; -: stdin")
      ->required();
  check->add_option("--validation", options.validation, "the validation file: also checked, and for overlap with FILE");
  check->add_option("--format", options.format, "of both files, when their names do not say it")
      ->check(CLI::IsMember({"jsonl", "json", "csv", "tsv", "xlsx", "txt"}));
  add_model_text_options(*check, options.model);
  add_count_rule_options(*check, options.tokenizer, options.rule);
  check
      ->add_option("--context", options.context_tokens,
                   "tokens of an example that training takes; the model's unless given")
      ->check(CLI::Range(1, 100'000'000));
  check->add_option("--memory", options.memory, "of what is kept of each example; beyond it goes to disk")
      ->capture_default_str();
  check->add_option("--temporary-folder", options.temporary_folder, "for that; TMPDIR unless given");
  check->add_option("--threads", options.threads, "0: one a core")->check(CLI::Range(0, 256))->capture_default_str();
  check->add_option("--places", options.places, "how many places of each kind of problem are shown")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  check->add_flag("!--no-near-duplicates", options.near_duplicates, "do not look for examples that are nearly alike");
  check->add_flag("--fetch-images", options.fetch_images, "fetch and check images that are at http(s) URLs");
  check->add_flag("--allow-private-addresses", options.allow_private_addresses, "also from private networks");
  check->add_option("--scan-images", options.scan_images, "program or URL that looks at each image (docs/data.md)");
  check->callback([&] { chosen = [&] { return data_check_command(global, options); }; });
}

int data_check_command(const GlobalOptions& global, const DataCheckOptions& options) {
  std::optional<StandardInput> input;
  const Result<check::CheckOptions> checked = to_check_options(global, options, input);
  if (!checked) {
    return report(checked.error());
  }
  const Result<check::Report> found = check::check_file(*checked);
  if (!found) {
    const int code = report(found.error());
    return found.error().code == ErrorCode::kNotFound ? kExitUsage : code;
  }
  if (global.json) {
    const std::string text = to_json(*found).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::printf("%s\n", text.c_str());
  } else {
    std::printf("%s", to_text(*found, is_terminal(STDOUT_FILENO)).c_str());
  }
  return found->ok() ? kExitSuccess : kExitFailure;
}

}  // namespace luthier::cli
