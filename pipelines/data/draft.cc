#include "pipelines/data/draft.h"

#include <algorithm>
#include <set>

#include "pipelines/data/chat_source.h"
#include "pipelines/data/read_stream.h"
#include "pipelines/data/readers.h"
#include "pipelines/data/remedies.h"
#include "pipelines/data/source.h"

namespace luthier::data {
namespace {

constexpr std::size_t kRowsAdvised = 100;

Result<Table> read_table(const SourceFile& file, const Settings& settings, Report& report) {
  if (file.streamed) {
    return read_stream(file, report.advice);
  }
  switch (file.format) {
    case Format::kCsv: return read_csv(file.text, file.name, ',');
    case Format::kTsv: return read_csv(file.text, file.name, '\t');
    case Format::kJson: return read_json(file.text, file.name);
    case Format::kJsonLines: return read_json_lines(file.text, file.name);
    case Format::kXlsx:
    case Format::kText: break;
  }
  const bool lines = settings.task.has_value() && *settings.task != Task::kText;
  return read_text(file.text, file.name, lines ? TextUnit::kLine : TextUnit::kParagraph, lines ? "completion" : "text");
}

// Reads all records of tables; `is_text` says whether they are text for pretraining. Gives the separator that all files
// agree on, which was taken off.
Result<std::string> read_tables(const std::vector<SourceFile>& files, Draft& draft, bool& is_text) {
  const Settings& settings = draft.settings;
  std::set<std::string> separators;
  for (std::size_t i = 0; i < files.size(); ++i) {
    LUTHIER_TRY(const Table table, read_table(files[i], settings, draft.report));
    const auto rows = static_cast<std::int64_t>(table.rows.size());
    draft.report.files.push_back({files[i].name, std::string(name_of(files[i].format)), rows});
    draft.report.rows.read += rows;
    LUTHIER_TRY(const TakenFile taken, take_records(table, settings, draft.report, draft.records));
    separators.insert(taken.separator);
    if (i > 0 && taken.is_text != is_text) {
      return Error{ErrorCode::kInvalidArgument, files[i].name +
                                                    ": prompts and completions cannot be mixed with plain text (" +
                                                    files[0].name + "); prepare them in separate steps"};
    }
    is_text = taken.is_text;
  }
  return separators.size() == 1 ? *separators.begin() : std::string();  // where files disagree, one is chosen anew
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

Task choose_task(const Settings& settings, const std::vector<Record>& records) {
  if (settings.task.has_value() && *settings.task != Task::kText) {
    return *settings.task;
  }
  const bool classes = !settings.labels.empty() || infer_shape(records) == Shape::kClassification;
  return classes ? Task::kClassification : Task::kGeneration;
}

// The shape that validators assume where a person named the task.
std::optional<Shape> shape_asked_for(const Draft& draft) {
  const bool asked = draft.settings.task.has_value() || !draft.settings.labels.empty();
  const bool any_prompt = std::any_of(draft.records.begin(), draft.records.end(),
                                      [](const Record& record) { return !record.prompt.empty(); });
  if (!asked || !any_prompt) {
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
    if (file.format != name_of(Format::kJsonLines)) {
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

// Prompts with completions, or text for pretraining.
Result<void> read_pairs(const std::vector<SourceFile>& files, Draft& draft) {
  bool is_text = false;
  LUTHIER_TRY(const std::string separator, read_tables(files, draft, is_text));
  if (draft.settings.clean) {
    trim_whitespace(draft.report, draft.records);
  }
  drop_missing_completions(draft.report, draft.records);
  draft.task = is_text ? Task::kText : choose_task(draft.settings, draft.records);
  if (draft.settings.clean && draft.task == Task::kClassification) {
    drop_missing_prompts(draft.report, draft.records);
    LUTHIER_TRY_VOID(unite_labels(draft.settings.labels, draft.report, draft.records));
  }
  for (Record& record : draft.records) {
    record.prompt += separator;
  }
  return {};
}

}  // namespace

Result<Draft> read_draft(const Settings& settings) {
  Draft draft;
  draft.settings = settings;
  LUTHIER_TRY(const std::vector<SourceFile> files, read_source(settings.source, settings.format));
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
  if (draft.records.empty()) {
    return no_rows(draft.report);
  }
  note_formats(draft);
  if (draft.task != Task::kText) {
    note_rows(draft);
  }
  note_remedies(draft);
  draft.options = {.shape = shape_asked_for(draft),
                   .clean = settings.clean,
                   .ignore_whitespace = settings.clean && draft.task == Task::kClassification,
                   .fixed_labels = !settings.labels.empty(),
                   .separator = settings.separator,
                   .ending = settings.ending};
  for (Finding& finding :
       is_pairs(draft.task) ? validate(draft.records, draft.options) : validate_text(draft.records)) {
    draft.findings.push_back(std::move(finding));
  }
  return draft;
}

Result<void> repair(Draft& draft, const std::function<bool(const Finding&)>& accept) {
  if (!draft.findings.empty() && draft.findings.back().severity == Severity::kFatal) {
    return Error{ErrorCode::kInvalidArgument, draft.report.files.front().file + ": " + draft.findings.back().message};
  }
  for (const Finding& finding : draft.findings) {
    if (finding.severity == Severity::kRecommended && accept(finding)) {
      apply(finding, draft.options, draft.report, draft.records);
    }
  }
  if (draft.records.empty()) {
    return no_rows(draft.report);
  }
  return {};
}

bool has_repairs(const Draft& draft) {
  return std::any_of(draft.findings.begin(), draft.findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::kNecessary || finding.severity == Severity::kRecommended;
  });
}

}  // namespace luthier::data
