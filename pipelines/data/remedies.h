// Remedies: the repairs that rows go through, each one written into the report. Pure; rows keep their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/record.h"
#include "pipelines/data/report.h"
#include "pipelines/data/settings.h"
#include "pipelines/data/table.h"

namespace luthier::data {

// Takes the records out of a file's rows: columns renamed and dropped, blank and malformed rows dropped. With
// `settings.clean` the separator that every prompt of the file ends with is taken off and named in `separator`. Without
// it, missing cells are empty ones, as for the legacy tool. Appends to `records`; sets `is_text`.
struct TakenFile {
  bool is_text = false;
  std::string separator;
};
[[nodiscard]] Result<TakenFile> take_records(const Table& table, const Settings& settings, Report& report,
                                             std::vector<Record>& records);

// White space around prompts and completions goes. What prepared data has on purpose stays: the space that begins every
// completion, the line's end that ends every one.
void trim_whitespace(Report& report, std::vector<Record>& records);
void drop_missing_completions(Report& report, std::vector<Record>& records);
void drop_missing_prompts(Report& report, std::vector<Record>& records);
// Each class gets one spelling: that of `labels`, or the most frequent one. With `labels`, rows of others are dropped.
// The space that begins every completion, if one does, stays.
[[nodiscard]] Result<void> unite_labels(const std::vector<std::string>& labels, Report& report,
                                        std::vector<Record>& records);

}  // namespace luthier::data
