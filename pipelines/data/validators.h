// Validators: what the legacy `prepare_data` tool looks at in prompts and completions, in its order, with its
// thresholds, separators and endings (docs/data.md says where this differs, and why). Pure.
//
// validate() takes the statistics of records whose necessary repairs are done (columns named, rows without a completion
// dropped) and finds what may be repaired; each finding is put to a person, or accepted as recommended, and then
// applied in this order (edits.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/data/report.h"
#include "pipelines/data/statistics.h"

namespace luthier::data {

enum class Severity {
  kNote,         // for people to know
  kNecessary,    // was repaired while the file was read
  kRecommended,  // is repaired when accepted
  kFatal,        // nothing can be learnt from such data
};
[[nodiscard]] std::string_view name_of(Severity severity);

enum class Repair {
  kNone,
  kDropDuplicates,
  kDropConflicts,
  kDropLong,
  kLowerCasePrompts,
  kLowerCaseCompletions,
  kRemoveSeparatorInside,
  kAddSeparator,
  kRemovePromptPrefix,
  kRemoveCompletionPrefix,
  kAddEnding,
  kAddSpace,
};

struct Finding {
  std::string code;  // stable: "duplicate_rows", "separator_missing", …
  Severity severity = Severity::kNote;
  std::string message;         // what was found
  std::string action;          // of kNecessary and kRecommended: what is done about it
  std::string text;            // the separator, ending or prefix that it is about
  std::int64_t rows = 0;       // rows concerned, where it is about some
  std::vector<Example> first;  // the first of them, at most kExamplesMax
  Repair repair = Repair::kNone;
  bool keep_space = false;  // of kRemoveCompletionPrefix: the prefix began with a space, which stays
};

struct ValidatorOptions {
  std::optional<Shape> shape;      // without it the records decide
  bool clean = false;              // also what the legacy tool does not look at: conflicting labels, separators inside
  bool ignore_whitespace = false;  // of duplicates: runs of white space count as one space
  bool fixed_labels = false;       // completions are classes that a person named: their case stays
  std::string separator;           // asked for by a person; empty: by the legacy rule
  std::string ending;
};

// In the legacy tool's order. Ends with a kFatal finding when there is one.
[[nodiscard]] std::vector<Finding> validate(const Statistics& statistics, const ValidatorOptions& options);

// The same of text for pretraining and of conversations: duplicates only.
[[nodiscard]] std::vector<Finding> validate_repeats(const Statistics& statistics);

// The codes of kRecommended findings, all there are.
[[nodiscard]] const std::vector<std::string>& recommended_codes();

}  // namespace luthier::data
