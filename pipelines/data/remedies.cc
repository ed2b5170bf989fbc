#include "pipelines/data/remedies.h"

#include <array>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "pipelines/data/columns.h"
#include "pipelines/data/whitespace.h"
#include "pipelines/text/normalize.h"

namespace luthier::data {
namespace {

// Candidates in the legacy tool's order; the first one is for prompts of one line.
constexpr std::array<std::string_view, 6> kSeparators = {" ->",         "\n\n###\n\n",  "\n\n===\n\n",
                                                         "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n"};
constexpr std::string_view kLastSeparator = "\n\n### =>\n\n";

Example example_of(const Record& record, const std::string& detail) { return {record.file, record.line, detail}; }

std::string detail_of(const Record& record) {
  return record.prompt.empty() ? excerpt(record.completion)
                               : excerpt(record.prompt) + " | " + excerpt(record.completion);
}

// Keeps the records that `reason` gives no remedy for; the others are reported with the detail it returns.
void drop_if(const std::string& code, const std::string& message, Report& report, std::vector<Record>& records,
             const std::function<std::optional<std::string>(const Record&)>& reason) {
  std::vector<Record> kept;
  kept.reserve(records.size());
  for (Record& record : records) {
    if (const auto detail = reason(record)) {
      report.add(code, message, true, example_of(record, *detail));
    } else {
      kept.push_back(std::move(record));
    }
  }
  records = std::move(kept);
}

bool is_blank(const Row& row) {
  for (const Cell& cell : row.cells) {
    if (cell.nested || !trimmed(cell.text).empty()) {
      return false;
    }
  }
  return row.problem.empty();
}

void report_columns(const Table& table, const ColumnChoice& choice, const std::string& prompt_name, Report& report) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool chosen = choice.prompt == i || choice.completion == i;
    const std::string name = choice.completion == i ? "completion" : prompt_name;
    if (!chosen) {
      report.add("extra_columns", "Columns that are neither prompt nor completion were left out.", false,
                 {table.file, 1, "\"" + excerpt(table.columns[i]) + "\""});
    } else if (table.columns[i] != name) {
      report.add("column_renamed", "Columns were recognised under another name.", false,
                 {table.file, 1, "\"" + excerpt(table.columns[i]) + "\" -> \"" + name + "\""});
    }
  }
}

Error nested_cell(const Table& table, const Row& row, std::size_t column) {
  return {ErrorCode::kInvalidArgument, table.file + ":" + std::to_string(row.line) + ": \"" + table.columns[column] +
                                           "\" holds a list or an object; it must be text or a number"};
}

Result<Record> to_record(const Table& table, const ColumnChoice& choice, const Row& row) {
  Record record;
  record.file = table.file;
  record.line = row.line;
  // Text for pretraining has one column, kept where completions are: it is what the model shall say.
  const auto& main = choice.completion.has_value() ? choice.completion : choice.prompt;
  LUTHIER_CHECK(main.has_value());
  if (row.cells[*main].nested) {
    return nested_cell(table, row, *main);
  }
  record.completion = row.cells[*main].text;
  if (choice.completion.has_value() && choice.prompt.has_value()) {
    if (row.cells[*choice.prompt].nested) {
      return nested_cell(table, row, *choice.prompt);
    }
    record.prompt = row.cells[*choice.prompt].text;
  }
  return record;
}

// The known separator that ends every prompt of the file; empty when there is none.
std::string common_separator(const std::vector<Record>& records, std::size_t begin) {
  for (const std::string_view separator : kSeparators) {
    bool all = records.size() > begin;
    for (std::size_t i = begin; i < records.size() && all; ++i) {
      all = records[i].prompt.ends_with(separator);
    }
    if (all) {
      return std::string(separator);
    }
  }
  return {};
}

}  // namespace

Result<void> take_records(const Table& table, const Settings& settings, Report& report, std::vector<Record>& records,
                          bool& is_text) {
  LUTHIER_TRY(const ColumnChoice choice, choose_columns(table, settings));
  is_text = !choice.completion.has_value();
  report_columns(table, choice, is_text ? "text" : "prompt", report);
  const std::size_t begin = records.size();
  for (const Row& row : table.rows) {
    if (is_blank(row)) {
      report.add("blank_rows", "Rows without any content were dropped.", true, {table.file, row.line, "blank"});
    } else if (!row.problem.empty()) {
      report.add("malformed_rows", "Rows with another number of fields than the header were dropped.", true,
                 {table.file, row.line, row.problem});
    } else {
      LUTHIER_TRY(Record record, to_record(table, choice, row));
      records.push_back(std::move(record));
    }
  }
  const std::string separator = is_text ? std::string() : common_separator(records, begin);
  if (!separator.empty()) {
    for (std::size_t i = begin; i < records.size(); ++i) {
      records[i].prompt.resize(records[i].prompt.size() - separator.size());
    }
    report.separator = separator;
  }
  return {};
}

void trim_whitespace(Report& report, std::vector<Record>& records) {
  for (Record& record : records) {
    // One leading space on a completion is how prepared data looks, not a stray one.
    const std::string_view completion = trimmed(record.completion);
    const bool prepared = !record.prompt.empty() && !completion.empty() &&
                          record.completion.size() == completion.size() + 1 && record.completion.front() == ' ';
    const std::string_view prompt = trimmed(record.prompt);
    if (prompt.size() != record.prompt.size() || (completion.size() != record.completion.size() && !prepared)) {
      report.add("whitespace_trimmed", "White space around prompts and completions was removed.", false,
                 example_of(record, detail_of(record)));
    }
    record.prompt = std::string(prompt);
    record.completion = std::string(completion);
  }
}

void drop_missing_completions(Report& report, std::vector<Record>& records) {
  drop_if("missing_completion", "Rows without a label or completion were dropped.", report, records,
          [](const Record& record) {
            return record.completion.empty() ? std::optional(excerpt(record.prompt)) : std::nullopt;
          });
}

void drop_missing_prompts(Report& report, std::vector<Record>& records) {
  drop_if("missing_prompt", "Rows with a label but without a prompt were dropped.", report, records,
          [](const Record& record) {
            return record.prompt.empty() ? std::optional(excerpt(record.completion)) : std::nullopt;
          });
}

Result<void> unite_labels(const std::vector<std::string>& labels, Report& report, std::vector<Record>& records) {
  std::unordered_map<std::string, std::string> folded_of;                // by spelling
  std::map<std::string, std::map<std::string, std::int64_t>> spellings;  // by folded label
  const auto fold = [&](const std::string& label) -> Result<std::string> {
    const auto known = folded_of.find(label);
    if (known != folded_of.end()) {
      return known->second;
    }
    LUTHIER_TRY(std::string folded, text::fold_case(collapsed(label)));
    folded_of.emplace(label, folded);
    return folded;
  };
  for (const Record& record : records) {
    LUTHIER_TRY(const std::string folded, fold(record.completion));
    ++spellings[folded][record.completion];
  }
  std::map<std::string, std::string> chosen;  // by folded label
  for (const std::string& label : labels) {
    LUTHIER_TRY(const std::string folded, fold(label));
    chosen.emplace(folded, label);
  }
  for (const auto& [folded, counts] : labels.empty() ? spellings : decltype(spellings)()) {
    std::int64_t most = 0;
    for (const auto& [spelling, count] : counts) {
      if (count > most || (count == most && spelling == folded)) {
        most = count;
        chosen[folded] = collapsed(spelling);
      }
    }
  }
  drop_if("unknown_label", "Rows with a label that is not in `labels` were dropped.", report, records,
          [&](const Record& record) {
            return chosen.contains(folded_of[record.completion]) ? std::nullopt : std::optional(detail_of(record));
          });
  for (Record& record : records) {
    const std::string& label = chosen[folded_of[record.completion]];
    if (record.completion != label) {
      report.add("label_united", "Labels that differ in case or white space only were given one spelling.", false,
                 example_of(record, "\"" + excerpt(record.completion) + "\" -> \"" + excerpt(label) + "\""));
      record.completion = label;
    }
  }
  return {};
}

void drop_duplicates(bool ignore_whitespace, Report& report, std::vector<Record>& records) {
  std::unordered_map<std::string, std::string> seen;  // key to "file:line" of the first
  drop_if("duplicate_rows", "Rows that repeat an earlier one were dropped.", report, records,
          [&](const Record& record) -> std::optional<std::string> {
            // The prompt's length keeps ("a", "bc") and ("ab", "c") apart.
            const std::string prompt = ignore_whitespace ? collapsed(record.prompt) : record.prompt;
            const std::string key = std::to_string(prompt.size()) + ":" + prompt + record.completion;
            const auto [first, is_new] = seen.emplace(key, record.file + ":" + std::to_string(record.line));
            if (is_new) {
              return std::nullopt;
            }
            return "same as " + first->second + ": " + detail_of(record);
          });
}

void drop_conflicts(Report& report, std::vector<Record>& records) {
  std::unordered_map<std::string, std::set<std::string>> labels;  // by prompt
  for (const Record& record : records) {
    labels[collapsed(record.prompt)].insert(record.completion);
  }
  drop_if("conflicting_labels",
          "All rows of a prompt that has several labels were dropped: no one label is known to be right.", report,
          records, [&](const Record& record) {
            const bool conflict = labels[collapsed(record.prompt)].size() > 1;
            return conflict ? std::optional(detail_of(record)) : std::nullopt;
          });
}

void add_separator(Report& report, std::vector<Record>& records) {
  const bool had_one = !report.separator.empty();
  std::string chosen = report.separator;
  for (std::size_t i = 0; i < kSeparators.size() && chosen.empty(); ++i) {
    bool free = true;
    for (const Record& record : records) {
      const bool several_lines = i == 0 && record.prompt.find('\n') != std::string::npos;
      free = free && !several_lines && record.prompt.find(kSeparators[i]) == std::string::npos;
    }
    if (free) {
      chosen = kSeparators[i];
    }
  }
  if (chosen.empty()) {
    chosen = kLastSeparator;
  }
  report.separator = chosen;
  for (Record& record : records) {
    if (!had_one) {
      report.add("separator_added",
                 "A separator was put at the end of every prompt, so that the model knows where the completion "
                 "begins; end your prompts with it too.",
                 false, example_of(record, detail_of(record)));
    }
    report.add("completion_space", "Every completion begins with one space, which suits tokenizers best.", false,
               example_of(record, detail_of(record)));
    record.prompt += chosen;
    record.completion.insert(0, " ");
  }
}

bool looks_like_classification(const std::vector<Record>& records) {
  std::unordered_set<std::string> completions;
  bool any_prompt = false;
  for (const Record& record : records) {
    completions.insert(record.completion);
    any_prompt = any_prompt || !record.prompt.empty();
  }
  return any_prompt && completions.size() * 3 < records.size();
}

}  // namespace luthier::data
