// Statistics: what validators ask of all records together, gathered in one pass over them, and a second one for what
// only the first can ask. Bounded memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/affix.h"
#include "pipelines/data/letters.h"
#include "pipelines/data/records.h"
#include "pipelines/data/repeats.h"

namespace luthier::data {

// kOpenEnded: no prompt has a character. kClassification: fewer distinct completions than a third of the rows.
enum class Shape { kOpenEnded, kClassification, kConditional };
[[nodiscard]] std::string_view name_of(Shape shape);

// Counts different completions; on disk beyond a share of memory.
class ShapeFinder {
 public:
  ShapeFinder(const std::filesystem::path& folder, std::size_t memory_bytes) : completions_(folder, memory_bytes) {}
  [[nodiscard]] Result<void> add(const Record& record);
  // Once. Sets different() too.
  [[nodiscard]] Result<Shape> finish();
  [[nodiscard]] std::uint64_t different() const { return different_; }

 private:
  scratch::SpillSorter<scratch::Hash128> completions_;
  std::uint64_t rows_ = 0;
  std::uint64_t different_ = 0;
  bool any_prompt_ = false;
};

// How many rows, and the first of them.
struct ConcernedRows {
  std::int64_t rows = 0;
  std::vector<Example> first;  // at most kExamplesMax
  void add(const Record& record);
};

struct ColumnStatistics {
  CommonAffix prefix{End::kFront};
  CommonAffix suffix{End::kBack};
  LetterCounts letters;
  std::int64_t suffix_inside = 0;  // of the second pass: rows with the common suffix also before their end
  void add(const std::string& text);
};

struct Statistics {
  std::uint64_t rows = 0;
  Shape shape = Shape::kOpenEnded;  // as inferred
  ColumnStatistics prompts;
  ColumnStatistics completions;
  UsedSeparators separators;
  UsedEndings endings;
  bool all_begin_with_space = true;
  ConcernedRows long_rows;
  ConcernedRows repeated;
  ConcernedRows conflicting;
  ConcernedRows separator_inside;  // of the second pass
};

struct StatisticsOptions {
  bool repeats_only = false;  // text and conversations: of the others nothing is asked
  bool ignore_whitespace = false;
  bool conflicts = false;
  std::string separator;  // asked for
  bool clean = false;
};

// `repeats` keeps the rows for a repair.
[[nodiscard]] Result<Statistics> gather_statistics(Records& records, Report& report, const StatisticsOptions& options,
                                                   Repeats& repeats);

}  // namespace luthier::data
