// Prepare: raw files in, training data out, with a report of everything that was changed or dropped.
// The library behind `luthier-prep prepare` and `luthier data prepare`. The source is never modified.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/draft.h"
#include "pipelines/data/output_file.h"
#include "pipelines/data/records.h"
#include "pipelines/data/report.h"
#include "pipelines/data/settings.h"
#include "pipelines/data/split.h"

namespace luthier::data {

// Rows of a split, in the order in which they are written.
struct Part {
  RowNumbers rows;
  bool rising = false;  // in the order of the source
  [[nodiscard]] std::uint64_t size() const { return rows.size(); }
  [[nodiscard]] bool empty() const { return rows.size() == 0; }
};

struct Prepared {
  Task task = Task::kClassification;
  std::unique_ptr<Records> records;
  Part train;
  Part validation;
  Part test;
  std::vector<std::string> labels;  // sorted; classification only; without the space that begins a completion
  Report report;
  bool space = false;          // every completion begins with a space
  std::string stop;            // ends every completion and is no part of an answer; empty: none
  std::string tokenizer_json;  // empty unless a tokenizer was asked for
};

// What repaired data asks of those who use it, as the legacy tool says it.
struct Advice {
  Shape shape = Shape::kConditional;
  std::string separator;          // what every prompt ends with
  std::string ending;             // what every completion ends with
  std::size_t classes = 0;        // distinct completions
  std::string positive_class;     // of two classes: the more frequent completion, as written
  std::size_t training_rows = 0;  // of the split that is proposed for a classification
  double curie_seconds = 0;       // the legacy tool's estimate of the training time
};
// Once repair() is done.
[[nodiscard]] Advice advise(const Draft& draft);

// What is left to do with a draft whose repairs were made: facts, the fraction, the split, a tokenizer. `split` takes
// the place of the settings'. Writes nothing.
[[nodiscard]] Result<Prepared> conclude(Draft draft, const SplitSettings& split);

// Reads, repairs as recommended (but for what the settings decline) and splits; writes nothing. kInvalidArgument: the
// data or the settings are at fault, with the place and the remedy in the message.
[[nodiscard]] Result<Prepared> analyze(const Settings& settings);

// Writes train/, validation/, test/ (data.jsonl each; empty parts are left out), tokenizer/ when there is one, and
// report/ (report.json, report.md, changes.jsonl, changes.txt) under `folder`.
[[nodiscard]] Result<void> write_prepared(const Prepared& prepared, const std::filesystem::path& folder);

// The records of a part, in its order.
[[nodiscard]] Result<void> for_each_record(const Prepared& prepared, const Part& part,
                                           const std::function<Result<void>(const Record&)>& take);
// The same as lines of data.jsonl, at the end of `file`, which is not committed.
[[nodiscard]] Result<void> write_lines(const Prepared& prepared, const Part& part, OutputFile& file);
// The report's files, into `folder`, which is made.
[[nodiscard]] Result<void> write_report(const Report& report, const std::filesystem::path& folder);

// What the prepare step gives, with artifact values whose paths are under `folder`.
[[nodiscard]] nlohmann::json outputs_of(const Prepared& prepared, const std::filesystem::path& folder);

}  // namespace luthier::data
