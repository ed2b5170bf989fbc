#include "pipelines/data/statistics.h"

namespace luthier::data {
namespace {

constexpr std::size_t kRowsOfClass = 3;  // on average: fewer are no classes

Result<void> show_first(const Records& records, std::uint64_t row, ConcernedRows& rows) {
  LUTHIER_TRY(const Record record, records.at(row));
  rows.add(record);
  return {};
}

// How many rows are in the list, and the first of them.
template <class List, class RowOf>
Result<ConcernedRows> concerned_of(const Records& records, const List& list, RowOf row_of) {
  ConcernedRows rows;
  for (std::uint64_t i = 0; i < list.size() && i < kExamplesMax; ++i) {
    LUTHIER_TRY(const auto entry, list.get(i));
    LUTHIER_TRY_VOID(show_first(records, row_of(entry), rows));
  }
  rows.rows = static_cast<std::int64_t>(list.size());
  return rows;
}

// The separator whose occurrences inside prompts are to be counted; empty: none.
std::string separator_looked_for(const Statistics& statistics, const StatisticsOptions& options) {
  const std::string suffix = statistics.prompts.suffix.text();
  if (!options.separator.empty()) {
    return !suffix.ends_with(options.separator) || options.clean ? options.separator : std::string();
  }
  return options.clean && is_known_separator(suffix) ? suffix : std::string();
}

Result<void> look_inside(Records& records, Report& report, const StatisticsOptions& options, Statistics& statistics) {
  const std::string separator = separator_looked_for(statistics, options);
  const std::string of_prompts = statistics.prompts.suffix.text();
  const std::string of_completions = statistics.completions.suffix.text();
  if (separator.empty() && of_prompts.empty() && of_completions.empty()) {
    return {};
  }
  const auto inside = [](const std::string& whole, const std::string& text) {
    return !text.empty() && occurs_inside(whole, text);
  };
  return records.for_each(report, [&](std::uint64_t, const Record& record) -> Result<void> {
    statistics.prompts.suffix_inside += inside(record.prompt, of_prompts) ? 1 : 0;
    statistics.completions.suffix_inside += inside(record.completion, of_completions) ? 1 : 0;
    if (inside(record.prompt, separator)) {
      statistics.separator_inside.add(record);
    }
    return {};
  });
}

}  // namespace

std::string_view name_of(Shape shape) {
  switch (shape) {
    case Shape::kOpenEnded: return "open-ended generation";
    case Shape::kClassification: return "classification";
    case Shape::kConditional: return "conditional generation";
  }
  return "";
}

Result<void> ShapeFinder::add(const Record& record) {
  ++rows_;
  any_prompt_ = any_prompt_ || !record.prompt.empty();
  return completions_.add(scratch::hash_of(record.completion));
}

Result<Shape> ShapeFinder::finish() {
  scratch::Hash128 last;
  LUTHIER_TRY_VOID(completions_.drain([&](const scratch::Hash128& hash) {
    different_ += different_ == 0 || hash != last ? 1 : 0;
    last = hash;
  }));
  if (!any_prompt_) {
    return Shape::kOpenEnded;
  }
  return different_ * kRowsOfClass < rows_ ? Shape::kClassification : Shape::kConditional;
}

void ConcernedRows::add(const Record& record) {
  ++rows;
  if (first.size() < kExamplesMax) {
    first.push_back({std::string(record.file), record.line, detail_of(record)});
  }
}

void ColumnStatistics::add(const std::string& text) {
  prefix.add(text);
  suffix.add(text);
  const LetterCounts of_text = count_letters(text);
  letters.upper += of_text.upper;
  letters.lower += of_text.lower;
}

Result<Statistics> gather_statistics(Records& records, Report& report, const StatisticsOptions& options,
                                     Repeats& repeats) {
  Statistics statistics;
  ShapeFinder shape(records.folder(), records.memory_bytes() / 8);
  const auto take = [&](std::uint64_t row, const Record& record) -> Result<void> {
    ++statistics.rows;
    LUTHIER_TRY_VOID(repeats.add(row, record));
    if (options.repeats_only) {
      return {};
    }
    LUTHIER_TRY_VOID(shape.add(record));
    statistics.prompts.add(record.prompt);
    statistics.completions.add(record.completion);
    statistics.separators.look_at(record.prompt);
    statistics.endings.look_at(record.completion);
    statistics.all_begin_with_space = statistics.all_begin_with_space && record.completion.starts_with(' ');
    if (is_long(record)) {
      statistics.long_rows.add(record);
    }
    return {};
  };
  LUTHIER_TRY_VOID(records.for_each(report, take));
  LUTHIER_TRY_VOID(repeats.finish());
  LUTHIER_TRY(statistics.repeated,
              concerned_of(records, repeats.repeated, [](const RepeatedRow& repeat) { return repeat.row; }));
  LUTHIER_TRY(statistics.conflicting,
              concerned_of(records, repeats.conflicting, [](std::uint64_t row) { return row; }));
  if (options.repeats_only) {
    return statistics;
  }
  LUTHIER_TRY(statistics.shape, shape.finish());
  LUTHIER_TRY_VOID(look_inside(records, report, options, statistics));
  return statistics;
}

}  // namespace luthier::data
