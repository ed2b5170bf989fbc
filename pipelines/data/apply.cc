// The repairs that validators propose.
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "pipelines/data/letters.h"
#include "pipelines/data/validators.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

// Keeps the records that `reason` gives nothing for; the others are reported with the detail it returns.
void drop_if(const char* code, const std::string& message, Report& report, std::vector<Record>& records,
             const std::function<std::optional<std::string>(const Record&)>& reason) {
  std::vector<Record> kept;
  kept.reserve(records.size());
  for (Record& record : records) {
    if (const auto detail = reason(record)) {
      report.add(code, message, true, {record.file, record.line, *detail});
    } else {
      kept.push_back(std::move(record));
    }
  }
  records = std::move(kept);
}

// Reports the records that `change` changes.
void change_each(const char* code, const std::string& message, Report& report, std::vector<Record>& records,
                 const std::function<bool(Record&)>& change) {
  for (Record& record : records) {
    std::string before = detail_of(record);
    if (change(record)) {
      report.add(code, message, false, {record.file, record.line, std::move(before)});
    }
  }
}

void drop_duplicates(bool ignore_whitespace, Report& report, std::vector<Record>& records) {
  std::unordered_map<std::string, std::string> seen;  // identity to "file:line" of the first
  drop_if("duplicate_rows", "Rows that repeat an earlier one were dropped.", report, records,
          [&](const Record& record) -> std::optional<std::string> {
            const auto [first, is_new] =
                seen.emplace(identity_of(record, ignore_whitespace), record.file + ":" + std::to_string(record.line));
            if (is_new) {
              return std::nullopt;
            }
            return "same as " + first->second + ": " + detail_of(record);
          });
}

void drop_conflicts(Report& report, std::vector<Record>& records) {
  const auto conflicting = prompts_in_conflict(records);
  drop_if("conflicting_labels",
          "All rows of a prompt that has several labels were dropped: no one label is known to be right.", report,
          records, [&](const Record& record) {
            return conflicting.contains(collapsed(record.prompt)) ? std::optional(detail_of(record)) : std::nullopt;
          });
}

void drop_long(Report& report, std::vector<Record>& records) {
  drop_if("long_examples", "Rows of more than 10,000 characters were dropped.", report, records,
          [](const Record& record) { return is_long(record) ? std::optional(detail_of(record)) : std::nullopt; });
}

void lower_case_column(std::string Record::*column, Report& report, std::vector<Record>& records) {
  const bool of_prompts = column == &Record::prompt;
  change_each(of_prompts ? "prompts_upper_case" : "completions_upper_case",
              of_prompts ? "Prompts were lower-cased; lower-case those that you ask with too."
                         : "Completions were lower-cased.",
              report, records, [column](Record& record) {
                std::string lower = lower_case(record.*column);
                const bool changed = lower != record.*column;
                record.*column = std::move(lower);
                return changed;
              });
}

bool remove_inside(std::string& text, const std::string& separator) {
  const bool ends = text.ends_with(separator);
  std::string body = ends ? text.substr(0, text.size() - separator.size()) : text;
  bool changed = false;
  // Taking one out may join another from what was around it.
  for (std::size_t at = body.find(separator); at != std::string::npos; at = body.find(separator)) {
    body.erase(at, separator.size());
    changed = true;
  }
  if (changed) {
    text = body + (ends ? separator : std::string());
  }
  return changed;
}

// `asked`: a person chose the text, so some may end with it already.
void append(std::string Record::*column, const std::string& text, bool asked, Report& report,
            std::vector<Record>& records) {
  const bool of_prompts = column == &Record::prompt;
  change_each(of_prompts ? "separator_added" : "ending_added",
              of_prompts
                  ? "A separator was put at the end of every prompt, so that the model knows where the completion "
                    "begins; end your prompts with it too."
                  : "An ending was put at the end of every completion, so that the model knows where to stop.",
              report, records, [&](Record& record) {
                const bool missing = !asked || !(record.*column).ends_with(text);
                record.*column += missing ? text : std::string();
                return missing;
              });
}

void add_space(Report& report, std::vector<Record>& records) {
  change_each("completion_space", "Every completion begins with one space, which suits tokenizers best.", report,
              records, [](Record& record) {
                const bool missing = !record.completion.starts_with(' ');
                if (missing) {
                  record.completion.insert(0, " ");
                }
                return missing;
              });
}

void remove_prefix(const Finding& finding, std::string Record::*column, Report& report, std::vector<Record>& records) {
  const std::size_t characters = count_characters(finding.text);
  const std::string space = finding.keep_space ? " " : "";
  change_each(finding.code.c_str(), "What all began with (" + in_quotes(excerpt(finding.text)) + ") was removed.",
              report, records, [&](Record& record) {
                record.*column = space + std::string(without_first(record.*column, characters));
                return true;
              });
}

}  // namespace

void apply(const Finding& finding, const ValidatorOptions& options, Report& report, std::vector<Record>& records) {
  switch (finding.repair) {
    case Repair::kNone: break;
    case Repair::kDropDuplicates: drop_duplicates(options.ignore_whitespace, report, records); break;
    case Repair::kDropConflicts: drop_conflicts(report, records); break;
    case Repair::kDropLong: drop_long(report, records); break;
    case Repair::kLowerCasePrompts: lower_case_column(&Record::prompt, report, records); break;
    case Repair::kLowerCaseCompletions: lower_case_column(&Record::completion, report, records); break;
    case Repair::kRemoveSeparatorInside:
      change_each("separator_inside", "The separator's text was removed from within prompts.", report, records,
                  [&](Record& record) { return remove_inside(record.prompt, finding.text); });
      break;
    case Repair::kAddSeparator:
      append(&Record::prompt, finding.text, !options.separator.empty(), report, records);
      break;
    case Repair::kRemovePromptPrefix: remove_prefix(finding, &Record::prompt, report, records); break;
    case Repair::kRemoveCompletionPrefix: remove_prefix(finding, &Record::completion, report, records); break;
    case Repair::kAddEnding: append(&Record::completion, finding.text, !options.ending.empty(), report, records); break;
    case Repair::kAddSpace: add_space(report, records); break;
  }
}

}  // namespace luthier::data
