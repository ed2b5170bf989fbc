// Remedies: the repairs that rows go through, each one written into the report. Pure; rows keep their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/report.h"
#include "pipelines/data/settings.h"
#include "pipelines/data/table.h"

namespace luthier::data {

struct Record {
  std::string prompt;      // of text for pretraining: empty
  std::string completion;  // of text: the text
  std::string file;
  std::int64_t line = 0;
};

// Takes the records out of a file's rows: blank and malformed rows dropped, columns renamed and dropped, the
// separator that every prompt ends with taken off (it is put back at the end). Appends to `records`; sets `is_text`.
[[nodiscard]] Result<void> take_records(const Table& table, const Settings& settings, Report& report,
                                        std::vector<Record>& records, bool& is_text);

void trim_whitespace(Report& report, std::vector<Record>& records);
void drop_missing_completions(Report& report, std::vector<Record>& records);
void drop_missing_prompts(Report& report, std::vector<Record>& records);
// Each class gets one spelling: that of `labels`, or the most frequent one. With `labels`, rows of others are dropped.
[[nodiscard]] Result<void> unite_labels(const std::vector<std::string>& labels, Report& report,
                                        std::vector<Record>& records);
// `ignore_whitespace`: rows that differ in runs of white space only are duplicates too.
void drop_duplicates(bool ignore_whitespace, Report& report, std::vector<Record>& records);
// All rows of a prompt that has several labels.
void drop_conflicts(Report& report, std::vector<Record>& records);
// Ends every prompt with a separator found in none of them, and begins every completion with a space, as the legacy
// prepare_data tool does. A separator that all prompts had already is kept.
void add_separator(Report& report, std::vector<Record>& records);

// As the legacy tool infers it: fewer than a third as many completions as rows.
[[nodiscard]] bool looks_like_classification(const std::vector<Record>& records);

}  // namespace luthier::data
