#include "pipelines/data/draft.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipelines/data/edits.h"
#include "pipelines/data/read_files.h"
#include "pipelines/data/source.h"
#include "pipelines/data/taker.h"

namespace luthier::data {
namespace {

constexpr std::size_t kRowsAdvised = 100;

void report_columns(const Header& header, const ColumnChoice& choice, const std::string& prompt_name, Report& report) {
  for (std::size_t i = 0; i < header.columns.size(); ++i) {
    const bool chosen = choice.prompt == i || choice.completion == i || choice.group == i;
    const std::string name = choice.completion == i ? "completion" : prompt_name;
    if (!chosen) {
      report.add("extra_columns", "Columns that are neither prompt nor completion were left out.", false,
                 {header.file, 1, "\"" + excerpt(header.columns[i]) + "\""});
    } else if (choice.group != i && header.columns[i] != name) {
      report.add("column_renamed", "Columns were recognised under another name.", false,
                 {header.file, 1, "\"" + excerpt(header.columns[i]) + "\" -> \"" + name + "\""});
    }
  }
}

struct TakenFile {
  bool is_text = false;
  std::string separator;  // that every prompt ends with, where rows are cleaned
};

// The first known separator that every prompt of a file ends with.
std::string separator_of(unsigned separators) {
  for (std::size_t i = 0; i < kKnownSeparators.size(); ++i) {
    if ((separators >> i & 1U) != 0) {
      return std::string(kKnownSeparators[i]);
    }
  }
  return {};
}

// Lists a file that was read; a .jsonl that holds one array is what it is.
void note_file(const SourceFile& file, const read::Reader& reader, std::int64_t rows, Report& report) {
  const read::FileFormat format = file.format == read::FileFormat::kJsonLines ? reader.format() : file.format;
  report.files.push_back({file.name, std::string(read::name_of(format)), rows});
}

Result<TakenFile> read_table(const SourceFile& file, Draft& draft) {
  const Settings& settings = draft.settings;
  const bool is_txt = file.format == read::FileFormat::kText;
  const bool lines = settings.task.has_value() && *settings.task != Task::kText;
  Header header{file.name, file.format, {}};
  LUTHIER_TRY(header.columns, column_names(file));
  if (is_txt && lines) {  // each line is what the model shall say
    header.columns = {"completion"};
  }
  LUTHIER_TRY(const ColumnChoice choice, choose_columns(header, settings));
  TakenFile taken;
  taken.is_text = !choice.completion.has_value();
  report_columns(header, choice, taken.is_text ? "text" : "prompt", draft.report);
  if (is_txt) {
    header.columns = {"text"};  // as the reader names it
  }
  LUTHIER_TRY(const auto reader, open_source(file, {.keep_blank = true, .fill_short_rows = !settings.clean}));
  const TakerFacts facts{file.name, draft.records->add_file(file.name)};
  const bool paragraphs = is_txt && !lines;
  const auto make_taker = [&] {
    return paragraphs ? make_paragraph_taker(facts) : make_table_taker(facts, header, choice, settings);
  };
  const std::uint64_t before = draft.records->size();
  LUTHIER_TRY(const ReadFile read,
              read_records(*reader, file.name, make_taker, paragraphs ? 1 : threads_for(settings.threads),
                           *draft.records, draft.report));
  note_file(file, *reader, read.rows, draft.report);
  if (settings.clean && !taken.is_text && draft.records->size() > before) {
    taken.separator = separator_of(read.separators);
  }
  return taken;
}

// Reads all records of tables; `is_text` says whether they are text for pretraining. Gives the separators of the files.
Result<std::vector<std::string>> read_tables(const std::vector<SourceFile>& files, Draft& draft, bool& is_text) {
  std::vector<std::string> separators;
  for (std::size_t i = 0; i < files.size(); ++i) {
    LUTHIER_TRY(TakenFile taken, read_table(files[i], draft));
    separators.push_back(std::move(taken.separator));
    if (i > 0 && taken.is_text != is_text) {
      return Error{ErrorCode::kInvalidArgument, files[i].name +
                                                    ": prompts and completions cannot be mixed with plain text (" +
                                                    files[0].name + "); prepare them in separate steps"};
    }
    is_text = taken.is_text;
  }
  return separators;
}

Result<void> read_chats(const std::vector<SourceFile>& files, Draft& draft) {
  for (const SourceFile& file : files) {
    if (file.format != read::FileFormat::kJson && file.format != read::FileFormat::kJsonLines) {
      return Error{ErrorCode::kInvalidArgument,
                   file.name + ": conversations come as .jsonl or .json, and cannot be mixed with other data (" +
                       files.front().name + "); prepare them in separate steps"};
    }
    LUTHIER_TRY(const auto reader, open_source(file, {}));
    const TakerFacts facts{file.name, draft.records->add_file(file.name)};
    LUTHIER_TRY(const ReadFile read, read_records(
                                         *reader, file.name, [&] { return make_chat_taker(facts, draft.settings); },
                                         threads_for(draft.settings.threads), *draft.records, draft.report));
    note_file(file, *reader, read.rows, draft.report);
  }
  return {};
}

Error no_rows(const Report& report) {
  std::string reasons;
  for (const Remedy& remedy : report.remedies()) {
    if (remedy.drops_rows) {
      reasons += (reasons.empty() ? " (" : ", ") + remedy.code + " " + std::to_string(remedy.rows);
    }
  }
  return {ErrorCode::kInvalidArgument, report.files.front().file +
                                           ":1: no usable rows: " + std::to_string(report.rows.read) +
                                           " read, all dropped" + (reasons.empty() ? "" : reasons + ")") +
                                           "; check that the file has prompts with labels under its header"};
}

// The shape that validators assume where a person named the task.
std::optional<Shape> shape_asked_for(const Draft& draft, const Statistics& statistics) {
  const bool asked = draft.settings.task.has_value() || !draft.settings.labels.empty();
  if (!asked || statistics.shape == Shape::kOpenEnded) {  // no prompts
    return std::nullopt;
  }
  return draft.task == Task::kClassification ? Shape::kClassification : Shape::kConditional;
}

void note_rows(Draft& draft) {
  const std::int64_t rows = draft.report.rows.read - draft.report.rows_of("blank_rows");
  Finding finding;
  finding.code = "rows";
  finding.rows = rows;
  finding.message = std::to_string(rows) + (rows == 1 ? " row" : " rows") +
                    (draft.task == Task::kChat ? ", conversations" : " of prompt and completion");
  if (rows < static_cast<std::int64_t>(kRowsAdvised)) {
    finding.message += ", which are few; a few hundred good ones give much better models, and twice as many again";
  }
  draft.findings.push_back(std::move(finding));
}

void note_formats(Draft& draft) {
  for (const FileSummary& file : draft.report.files) {
    if (file.format != read::name_of(read::FileFormat::kJsonLines)) {
      Finding finding;
      finding.code = "format";
      finding.severity = Severity::kNecessary;
      finding.message = file.file + " is read as " + file.format;
      finding.action = "write JSON lines";
      finding.text = file.format;
      draft.findings.push_back(std::move(finding));
    }
  }
}

// What was repaired while reading, in the legacy tool's order.
void note_remedies(Draft& draft) {
  for (const Remedy& remedy : draft.report.remedies()) {
    Finding finding;
    finding.code = remedy.code;
    finding.severity = Severity::kNecessary;
    finding.message = remedy.message;
    finding.action = remedy.message;
    finding.rows = remedy.rows;
    finding.first = remedy.first;
    draft.findings.push_back(std::move(finding));
  }
}

// What a person said the data is for, or what it looks like; the labels of a classification get one spelling each.
Result<void> choose_task(Draft& draft) {
  const Settings& settings = draft.settings;
  ShapeFinder shape(draft.records->folder(), settings.memory_bytes / 4);
  Tally labels(kClassesMax, kClassesBytesMax);
  LUTHIER_TRY_VOID(draft.records->for_each(draft.report, [&](std::uint64_t, const Record& record) -> Result<void> {
    if (!record.prompt.empty()) {  // of those without one classifications take none
      (void)labels.add(record.completion);
    }
    return shape.add(record);
  }));
  LUTHIER_TRY(const Shape inferred, shape.finish());
  const bool asked = settings.task.has_value() && *settings.task != Task::kText;
  const bool looks_like_it = inferred == Shape::kClassification && !labels.overflowed();
  const bool classes = !settings.labels.empty() || looks_like_it;
  draft.task = asked ? *settings.task : classes ? Task::kClassification : Task::kGeneration;
  if (draft.task != Task::kClassification) {
    return {};
  }
  if (labels.overflowed() && settings.labels.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 draft.report.files.front().file + ": more than " + std::to_string(kClassesMax) +
                     " different completions, or very long ones, are no classes; say task: generation"};
  }
  if (settings.clean) {
    std::map<std::string, std::int64_t> counts;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      counts[labels.name(i)] = static_cast<std::int64_t>(labels.count(i));
    }
    LUTHIER_TRY(Spellings spellings, choose_spellings(settings.labels, counts));
    draft.records->add_edit(drop_missing_prompts());
    draft.records->add_edit(unite_labels(std::move(spellings)));
  }
  return {};
}

// Prompts with completions, or text for pretraining.
Result<void> read_pairs(const std::vector<SourceFile>& files, Draft& draft) {
  bool is_text = false;
  LUTHIER_TRY(const std::vector<std::string> separators, read_tables(files, draft, is_text));
  Records& records = *draft.records;
  const bool any_separator = std::any_of(separators.begin(), separators.end(),
                                         [](const std::string& separator) { return !separator.empty(); });
  if (draft.settings.clean) {
    if (any_separator) {
      records.add_edit(take_off_separators(separators));
    }
    KeptWhitespace kept;
    LUTHIER_TRY_VOID(records.for_each(draft.report, [&](std::uint64_t, const Record& record) -> Result<void> {
      kept.look_at(record);
      return {};
    }));
    records.add_edit(trim_whitespace(kept));
  }
  records.add_edit(drop_missing_completions());
  draft.task = Task::kText;
  if (!is_text) {
    LUTHIER_TRY_VOID(choose_task(draft));
  }
  // Where files disagree, one is chosen anew.
  const std::set<std::string> different(separators.begin(), separators.end());
  if (any_separator && different.size() == 1) {
    records.add_edit(put_back_separator(separators.front()));
  }
  return {};
}

std::filesystem::path temporary_folder(const Settings& settings) {
  std::error_code error;
  return settings.temporary_folder.empty() ? std::filesystem::temp_directory_path(error) : settings.temporary_folder;
}

Result<void> find(Draft& draft) {
  const Settings& settings = draft.settings;
  const StatisticsOptions asked{.repeats_only = !is_pairs(draft.task),
                                .ignore_whitespace = settings.clean && draft.task == Task::kClassification,
                                .conflicts = settings.clean && draft.task == Task::kClassification,
                                .separator = settings.separator,
                                .clean = settings.clean};
  draft.repeats = std::make_unique<Repeats>(draft.records->folder(), settings.memory_bytes / 2, asked.ignore_whitespace,
                                            asked.conflicts);
  LUTHIER_TRY(const Statistics statistics, gather_statistics(*draft.records, draft.report, asked, *draft.repeats));
  if (statistics.rows == 0) {
    return no_rows(draft.report);
  }
  note_formats(draft);
  if (draft.task != Task::kText) {
    note_rows(draft);
  }
  note_remedies(draft);
  draft.options = {.shape = shape_asked_for(draft, statistics),
                   .clean = settings.clean,
                   .ignore_whitespace = asked.ignore_whitespace,
                   .fixed_labels = !settings.labels.empty(),
                   .separator = settings.separator,
                   .ending = settings.ending};
  for (Finding& finding : is_pairs(draft.task) ? validate(statistics, draft.options) : validate_repeats(statistics)) {
    draft.findings.push_back(std::move(finding));
  }
  return {};
}

}  // namespace

Result<Draft> read_draft(const Settings& settings) {
  Draft draft;
  draft.settings = settings;
  const std::filesystem::path folder = temporary_folder(settings);
  draft.report.changes.set_folder(folder);
  draft.records = std::make_unique<Records>(folder, settings.memory_bytes, settings.stopped);
  LUTHIER_TRY(std::vector<SourceFile> files, list_source(settings.source, settings.format));
  if (!settings.source_name.empty()) {
    files.front().name = settings.source_name;
  }
  if (holds_chats(files)) {
    LUTHIER_TRY_VOID(read_chats(files, draft));
    draft.task = settings.turns == Turns::kPrompts ? Task::kGeneration : Task::kChat;
  } else if (settings.task == Task::kChat || settings.turns != Turns::kKeep) {
    return Error{
        ErrorCode::kInvalidArgument,
        files.front().name + ":1: these are no conversations; a conversation is {\"messages\": […]} on a line"};
  } else {
    LUTHIER_TRY_VOID(read_pairs(files, draft));
  }
  LUTHIER_TRY_VOID(find(draft));
  return draft;
}

Result<void> repair(Draft& draft, const std::function<bool(const Finding&)>& accept) {
  if (!draft.findings.empty() && draft.findings.back().severity == Severity::kFatal) {
    return Error{ErrorCode::kInvalidArgument, draft.report.files.front().file + ": " + draft.findings.back().message};
  }
  for (const Finding& finding : draft.findings) {
    if (finding.severity == Severity::kRecommended && accept(finding)) {
      draft.records->add_edit(edit_of(finding, draft.options, *draft.records, *draft.repeats));
    }
  }
  draft.repeats.reset();
  const FactsOptions asked{.pairs = is_pairs(draft.task),
                           .has_labels = draft.task == Task::kChat,
                           .classes_needed = draft.task == Task::kClassification,
                           .grouped = !draft.settings.split.group.empty()};
  LUTHIER_TRY(draft.facts, gather_facts(*draft.records, draft.report, asked));
  return draft.facts->rows.size() > 0 ? Result<void>() : no_rows(draft.report);
}

bool has_repairs(const Draft& draft) {
  return std::any_of(draft.findings.begin(), draft.findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::kNecessary || finding.severity == Severity::kRecommended;
  });
}

}  // namespace luthier::data
