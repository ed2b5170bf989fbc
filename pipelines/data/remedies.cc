#include "pipelines/data/remedies.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>

#include "base/check.h"
#include "pipelines/data/columns.h"
#include "pipelines/data/validators.h"
#include "pipelines/data/whitespace.h"
#include "pipelines/text/normalize.h"

namespace luthier::data {
namespace {

Example example_of(const Record& record, const std::string& detail) { return {record.file, record.line, detail}; }

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

// `clean`: white space is no content either.
bool is_blank(const Row& row, bool clean) {
  for (const Cell& cell : row.cells) {
    if (cell.nested || !(clean ? trimmed(cell.text) : std::string_view(cell.text)).empty()) {
      return false;
    }
  }
  return row.problem.empty();
}

void report_columns(const Table& table, const ColumnChoice& choice, const std::string& prompt_name, Report& report) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool chosen = choice.prompt == i || choice.completion == i || choice.group == i;
    const std::string name = choice.completion == i ? "completion" : prompt_name;
    if (!chosen) {
      report.add("extra_columns", "Columns that are neither prompt nor completion were left out.", false,
                 {table.file, 1, "\"" + excerpt(table.columns[i]) + "\""});
    } else if (choice.group != i && table.columns[i] != name) {
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
  if (choice.group.has_value()) {
    record.group = row.cells[*choice.group].text;
  }
  return record;
}

// A row without its last cells, as the legacy tool takes it.
Row filled(Row row, std::size_t columns) {
  if (row.cells.size() < columns) {
    row.cells.resize(columns);
    row.problem.clear();
  }
  return row;
}

bool all_of_them(const std::vector<Record>& records, const std::function<bool(const Record&)>& holds) {
  return !records.empty() && std::all_of(records.begin(), records.end(), holds);
}

// One space, and a text behind it.
bool begins_with_one_space(const Record& record) {
  return !record.prompt.empty() && record.completion.starts_with(' ') &&
         trimmed(record.completion).data() == record.completion.data() + 1 && !trimmed(record.completion).empty();
}

// A text, and one line's end behind it.
bool ends_with_one_line_end(const Record& record) {
  const std::string_view body = trimmed(record.completion);
  return record.completion.ends_with('\n') && !body.empty() &&
         body.data() + body.size() + 1 == record.completion.data() + record.completion.size();
}

// Of the records from `begin` on.
std::string take_off_separator(std::vector<Record>& records, std::size_t begin) {
  const auto first = records.begin() + static_cast<std::ptrdiff_t>(begin);
  for (const std::string_view separator : known_separators()) {
    const bool all = first != records.end() && std::all_of(first, records.end(), [&](const Record& record) {
                       return record.prompt.ends_with(separator);
                     });
    if (all) {
      std::for_each(first, records.end(),
                    [&](Record& record) { record.prompt.resize(record.prompt.size() - separator.size()); });
      return std::string(separator);
    }
  }
  return {};
}

}  // namespace

Result<TakenFile> take_records(const Table& table, const Settings& settings, Report& report,
                               std::vector<Record>& records) {
  LUTHIER_TRY(const ColumnChoice choice, choose_columns(table, settings));
  TakenFile taken;
  taken.is_text = !choice.completion.has_value();
  report_columns(table, choice, taken.is_text ? "text" : "prompt", report);
  const std::size_t begin = records.size();
  for (const Row& read : table.rows) {
    const Row row = settings.clean ? read : filled(read, table.columns.size());
    if (is_blank(row, settings.clean)) {
      report.add("blank_rows", "Rows without any content were dropped.", true, {table.file, row.line, "blank"});
    } else if (!row.problem.empty()) {
      report.add("malformed_rows", "Rows with another number of fields than the header were dropped.", true,
                 {table.file, row.line, row.problem});
    } else {
      LUTHIER_TRY(Record record, to_record(table, choice, row));
      records.push_back(std::move(record));
    }
  }
  if (settings.clean && !taken.is_text) {
    taken.separator = take_off_separator(records, begin);
  }
  return taken;
}

void trim_whitespace(Report& report, std::vector<Record>& records) {
  const bool space = all_of_them(records, begins_with_one_space);
  const bool line_end = all_of_them(records, ends_with_one_line_end);
  for (Record& record : records) {
    // One leading space on a completion is how prepared data looks, not a stray one.
    const bool prepared = begins_with_one_space(record);
    const std::string_view completion = trimmed(record.completion);
    const std::string_view prompt = trimmed(record.prompt);
    const std::size_t kept = completion.size() + (prepared ? 1U : 0U) + (line_end ? 1U : 0U);
    if (prompt.size() != record.prompt.size() || kept != record.completion.size()) {
      report.add("whitespace_trimmed", "White space around prompts and completions was removed.", false,
                 example_of(record, detail_of(record)));
    }
    record.prompt = std::string(prompt);
    record.completion = (space ? " " : "") + std::string(completion) + (line_end ? "\n" : "");
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
    const std::string label = (record.completion.starts_with(' ') ? " " : "") + chosen[folded_of[record.completion]];
    if (record.completion != label) {
      report.add("label_united", "Labels that differ in case or white space only were given one spelling.", false,
                 example_of(record, "\"" + excerpt(record.completion) + "\" -> \"" + excerpt(label) + "\""));
      record.completion = label;
    }
  }
  return {};
}

}  // namespace luthier::data
