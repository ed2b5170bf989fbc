#include "cli/data_prepare.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "cli/data_check.h"
#include "cli/data_next.h"
#include "cli/format.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "pipelines/data/prepare.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;
namespace data = luthier::data;

// What the person wants; nullopt: they went away without an answer.
using Ask = std::function<std::optional<bool>(const std::string&)>;

// `input`: is filled where the file is stdin.
Result<data::Settings> settings_of(const DataPrepareOptions& options, std::optional<StandardInput>& input) {
  std::string file = options.file;
  std::string format = options.format;
  if (options.file == kStandardInput) {
    LUTHIER_TRY(input, StandardInput::spool(options.temporary_folder));
    file = input->path().string();
    if (format.empty()) {
      LUTHIER_TRY(format, input->format());
    }
  }
  Json with = {{"source", {{"$path", file}}}, {"clean", options.clean}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) {
      with[name] = text;
    }
  };
  add("format", format);
  add("task", options.task);
  add("separator", options.separator);
  add("ending", options.ending);
  add("turns", options.turns);
  if (!options.prompt_column.empty()) {
    with["columns"]["prompt"] = options.prompt_column;
  }
  if (!options.completion_column.empty()) {
    with["columns"]["completion"] = options.completion_column;
  }
  if (!options.labels.empty()) {
    with["labels"] = options.labels;
  }
  if (!options.decline.empty()) {
    with["decline"] = options.decline;
  }
  if (options.fraction > 0) {  // 0 is refused there
    with["fraction"] = options.fraction;
  }
  with["split"] = {{"validation", options.validation.value_or(0)},
                   {"test", options.test.value_or(0)},
                   {"seed", options.seed},
                   {"group", options.group}};
  // Lines of text are completions of empty prompts here, as for the legacy tool; a pipeline's step takes them for text.
  const std::string extension = fs::path(options.file).extension().string();
  const bool lines =
      options.format == "txt" || (options.format.empty() && (extension == ".txt" || extension == ".TXT"));
  if (lines && options.task.empty()) {
    with["task"] = "generation";
  }
  LUTHIER_TRY(data::Settings settings, data::parse_settings(with));
  LUTHIER_TRY(settings.memory_bytes, parse_memory(options.memory));
  settings.source_name = input ? "stdin" : "";
  settings.temporary_folder = options.temporary_folder;
  settings.threads = options.threads;
  settings.images.fetch = options.fetch_images;
  settings.images.fetching.allow_private = options.allow_private_addresses;
  settings.images.scan = options.scan_images;
  return settings;
}

struct BaseName {
  fs::path folder;
  std::string stem;
};

BaseName base_name_of(const DataPrepareOptions& options) {
  fs::path base(options.file == kStandardInput ? "stdin" : options.file);
  if (!base.has_filename()) {
    base = base.parent_path();
  }
  std::error_code ignored;
  return {options.folder.empty() ? base.parent_path() : fs::path(options.folder),
          (fs::is_directory(base, ignored) ? base.filename() : base.stem()).string() + "_prepared"};
}

std::string numbered(int number) { return number == 0 ? "" : " (" + std::to_string(number) + ")"; }

bool is_taken(const fs::path& name) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(name, ignored));
}

// The files that will be written, none of which exists: FILE_prepared.jsonl, or FILE_prepared_PART.jsonl of a split,
// with " (1)" and so on before the extension where one exists.
std::vector<fs::path> free_names(const DataPrepareOptions& options, const std::vector<std::string>& parts) {
  const BaseName base = base_name_of(options);
  for (int number = 0;; ++number) {
    std::vector<fs::path> names;
    for (const std::string& part : parts) {
      names.push_back(base.folder / (base.stem + (part.empty() ? "" : "_" + part) + numbered(number) + ".jsonl"));
    }
    if (std::none_of(names.begin(), names.end(), is_taken)) {
      return names;
    }
  }
}

fs::path free_report_folder(const DataPrepareOptions& options) {
  const BaseName base = base_name_of(options);
  for (int number = 0;; ++number) {
    const fs::path folder = base.folder / (base.stem + "_report" + numbered(number));
    if (!is_taken(folder)) {
      return folder;
    }
  }
}

std::optional<bool> ask_person(const std::string& question) {
  std::printf("%s [Y/n]: ", question.c_str());
  (void)std::fflush(stdout);
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    std::printf("\n");
    return std::nullopt;
  }
  return answer != "n" && answer != "N";
}

void print_places(const data::Finding& finding) {
  constexpr std::size_t kPlacesShown = 5;
  for (std::size_t i = 0; i < finding.first.size() && i < kPlacesShown; ++i) {
    const data::Example& place = finding.first[i];
    std::printf("    %s:%lld: %s\n", printable(place.file).c_str(), static_cast<long long>(place.line),
                printable(place.detail).c_str());
  }
  if (finding.rows > static_cast<std::int64_t>(kPlacesShown) && finding.first.size() >= kPlacesShown) {
    std::printf("    and %s more\n", format_count(finding.rows - static_cast<std::int64_t>(kPlacesShown)).c_str());
  }
}

void print_findings(const data::Draft& draft) {
  for (const std::string& advice : draft.report.advice) {
    std::printf("- %s\n", printable(advice).c_str());
  }
  for (const data::Finding& finding : draft.findings) {
    if (finding.severity == data::Severity::kFatal) {
      continue;  // said as an error
    }
    std::printf("- %s%s\n", printable(finding.message).c_str(),
                finding.severity == data::Severity::kNecessary ? " (necessary)" : "");
    print_places(finding);
  }
}

struct Session {
  const DataPrepareOptions& options;
  bool json = false;
  Ask ask;
  data::Draft draft;
  std::vector<std::string> accepted;  // codes
  data::Advice advice;
  data::SplitSettings split;
  std::vector<fs::path> files;
  fs::path report_folder;
  bool written = false;
  bool withdrawn = false;  // the person went away
};

Result<void> make_repairs(Session& session) {
  return data::repair(session.draft, [&](const data::Finding& finding) {
    if (session.withdrawn || data::declines(session.draft.settings, finding.code)) {
      return false;
    }
    const std::optional<bool> answer = session.ask("[recommended] " + printable(finding.action));
    session.withdrawn = !answer.has_value();
    if (answer.value_or(false)) {
      session.accepted.push_back(finding.code);
    }
    return answer.value_or(false);
  });
}

// The split that was asked for on the command line, or that a person accepts.
void decide_split(Session& session) {
  const DataPrepareOptions& options = session.options;
  session.split = session.draft.settings.split;
  if (options.validation.has_value() || options.test.has_value()) {
    return;
  }
  if (session.draft.task != data::Task::kText && session.advice.shape == data::Shape::kClassification) {
    const std::size_t rows = session.draft.facts->rows.size();
    const std::size_t held_out = rows - session.advice.training_rows;
    const std::optional<bool> answer = session.ask("[recommended] hold " + std::to_string(held_out) + " of " +
                                                   std::to_string(rows) + " rows out for validation");
    session.withdrawn = !answer.has_value();
    if (answer.value_or(false) && held_out > 0) {
      session.split.validation_rows = held_out;
    }
  }
}

bool is_split(const Session& session) {
  return session.split.validation > 0 || session.split.test > 0 || session.split.validation_rows.has_value();
}

bool changes_anything(const Session& session) {
  const bool necessary =
      std::any_of(session.draft.findings.begin(), session.draft.findings.end(),
                  [](const auto& finding) { return finding.severity == data::Severity::kNecessary; });
  return necessary || !session.accepted.empty() || is_split(session) || session.draft.settings.fraction < 1;
}

void name_files(Session& session) {
  std::vector<std::string> parts;
  if (is_split(session)) {
    parts.emplace_back("train");
    if (session.split.validation > 0 || session.split.validation_rows.has_value()) {
      parts.emplace_back("valid");
    }
    if (session.split.test > 0) {
      parts.emplace_back("test");
    }
  } else {
    parts.emplace_back();
  }
  session.files = free_names(session.options, parts);
  session.report_folder = free_report_folder(session.options);
}

// A folder that has its name only once it is whole; removed when it is not committed.
class PendingFolder {
 public:
  explicit PendingFolder(fs::path path)
      : path_(std::move(path)),
        temporary_(path_.parent_path() / ("." + path_.filename().string() + "." + std::to_string(::getpid()))) {}
  ~PendingFolder() {
    std::error_code ignored;
    if (made_) {
      fs::remove_all(temporary_, ignored);
    }
  }
  PendingFolder(const PendingFolder&) = delete;
  PendingFolder& operator=(const PendingFolder&) = delete;

  // Where to write until then.
  Result<fs::path> make() {
    std::error_code error;
    fs::remove_all(temporary_, error);  // of a process that was killed and had this number
    made_ = fs::create_directory(temporary_, error);
    return made_ ? Result<fs::path>(temporary_)
                 : Error{ErrorCode::kInternal, "cannot make " + temporary_.string() + ": " + error.message()};
  }
  Result<void> commit() {
    std::error_code error;
    fs::rename(temporary_, path_, error);
    made_ = static_cast<bool>(error);
    return error ? Error{ErrorCode::kInternal, "cannot rename to " + path_.string() + ": " + error.message()}
                 : Result<void>();
  }

 private:
  fs::path path_;
  fs::path temporary_;
  bool made_ = false;
};

Result<void> write_files(Session& session, const data::Prepared& prepared) {
  const fs::path folder = session.files.front().parent_path();
  LUTHIER_TRY_VOID(create_folders(folder.empty() ? fs::path(".") : folder));
  // Each has its name only once all are whole.
  std::vector<data::OutputFile> files;
  for (const auto* part : {&prepared.train, &prepared.validation, &prepared.test}) {
    if (part == &prepared.train || !part->empty()) {
      LUTHIER_TRY(data::OutputFile file, data::OutputFile::create(session.files.at(files.size())));
      LUTHIER_TRY_VOID(data::write_lines(prepared, *part, file));
      files.push_back(std::move(file));
    }
  }
  PendingFolder report(session.report_folder);
  LUTHIER_TRY(const fs::path report_folder, report.make());
  LUTHIER_TRY_VOID(data::write_report(prepared.report, report_folder));
  LUTHIER_TRY_VOID(report.commit());
  for (data::OutputFile& file : files) {
    LUTHIER_TRY_VOID(file.commit());
  }
  session.written = true;
  return {};
}

int fail(const Error& error) {
  std::fprintf(stderr, "luthier: %s\n", printable(error.message).c_str());
  return kExitFailure;
}

int go_away() {
  std::fprintf(stderr, "luthier: no answer: nothing was written\n");
  return kExitFailure;
}

int finish(Session& session) {
  const Json summary = summary_of(session.draft, session.accepted);
  const bool changes = changes_anything(session);
  name_files(session);
  session.split.keep_order = !is_split(session);
  const auto prepared = data::conclude(std::move(session.draft), session.split);
  if (!prepared) {
    return fail(prepared.error());
  }
  if (changes && !session.options.plan) {
    const std::optional<bool> go_on = session.ask("write " + std::to_string(session.files.size()) +
                                                  (session.files.size() == 1 ? " new file" : " new files"));
    if (!go_on.has_value()) {
      return go_away();
    }
    if (*go_on) {
      const auto written = write_files(session, *prepared);
      if (!written) {
        return fail(written.error());
      }
    }
  }
  const NextSteps next{.source = session.options.file,
                       .files = session.files,
                       .report = session.report_folder,
                       .changes = changes,
                       .written = session.written,
                       .plan = session.options.plan,
                       .has_validation = !prepared->validation.empty(),
                       .rows = prepared->report.rows,
                       .advice = session.advice};
  if (session.json) {
    Json json = summary;
    json.update(next_json(next));
    std::printf("%s\n", json.dump(2).c_str());
  } else {
    std::printf("\n%s", next_text(next).c_str());
  }
  return kExitSuccess;
}

int refuse(const char* message) {
  std::fprintf(stderr, "luthier: %s\n", message);
  return kExitUsage;
}

}  // namespace

int data_prepare_command(const GlobalOptions& options, const DataPrepareOptions& prepare) {
  const bool asks = !prepare.yes && !prepare.plan;
  if (asks && options.json) {
    return refuse("-o json leaves nobody to ask: say --yes to accept all that is recommended, or --plan to see it");
  }
  if (asks && !is_terminal(STDIN_FILENO)) {
    return refuse(
        "stdin is no terminal, so there is nobody to ask: say --yes to accept all that is recommended, or --plan to "
        "see "
        "it");
  }
  std::optional<StandardInput> input;
  const auto settings = settings_of(prepare, input);
  if (!settings) {
    return report(settings.error());
  }
  auto draft = data::read_draft(*settings);
  if (!draft) {
    (void)fail(draft.error());
    return draft.error().code == ErrorCode::kInvalidArgument ? kExitFailure : kExitUsage;
  }
  Session session{.options = prepare, .json = options.json, .draft = std::move(*draft)};
  session.ask = [&](const std::string& question) -> std::optional<bool> {
    if (asks) {
      return ask_person(question);
    }
    if (!options.json) {
      std::printf("%s%s\n", question.c_str(), prepare.plan ? "" : " [Y/n]: Y");
    }
    return true;
  };
  if (!options.json) {
    print_findings(session.draft);
    if (!prepare.clean && data::is_pairs(session.draft.task)) {
      std::printf("White space, spellings of labels and conflicting labels are looked at with --clean.\n");
    }
    std::printf("%s", data::has_repairs(session.draft) ? "\n" : "Nothing needs repair.\n\n");
  }
  const auto repaired = make_repairs(session);
  if (!repaired) {
    return fail(repaired.error());
  }
  if (session.withdrawn) {
    return go_away();
  }
  session.advice = data::advise(session.draft);
  decide_split(session);
  return session.withdrawn ? go_away() : finish(session);
}

}  // namespace luthier::cli
