// Edits: the repairs that records go through, each one reported. Necessary ones (settings.clean adds some) come while
// data is read into a draft, recommended ones when they are accepted.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipelines/data/records.h"
#include "pipelines/data/repeats.h"
#include "pipelines/data/validators.h"

namespace luthier::data {

// Takes off what all prompts of a file end with (by the file's number; empty: nothing). Reports nothing: it, or another
// one, is put back.
[[nodiscard]] std::unique_ptr<Edit> take_off_separators(std::vector<std::string> separators);
[[nodiscard]] std::unique_ptr<Edit> put_back_separator(std::string separator);

// White space around prompts and completions goes. What prepared data has on purpose stays: the space that begins every
// completion (`space`: it does), the line's end that ends every one (`line_end`).
struct KeptWhitespace {
  bool space = true;
  bool line_end = true;
  void look_at(const Record& record);  // all of them, beforehand
};
[[nodiscard]] std::unique_ptr<Edit> trim_whitespace(KeptWhitespace kept);
[[nodiscard]] std::unique_ptr<Edit> drop_missing_completions();
[[nodiscard]] std::unique_ptr<Edit> drop_missing_prompts();

// Which spelling each class gets, by its folded spelling (case and white space).
using Spellings = std::map<std::string, std::string>;
[[nodiscard]] Result<std::string> folded_label(const std::string& label);
// That of `labels`, or the most frequent one of `counts` (of each spelling).
[[nodiscard]] Result<Spellings> choose_spellings(const std::vector<std::string>& labels,
                                                 const std::map<std::string, std::int64_t>& counts);
// Rows of classes without a spelling are dropped. The space that begins every completion, if one does, stays.
[[nodiscard]] std::unique_ptr<Edit> unite_labels(Spellings spellings);

// What a kRecommended finding proposes; nullptr for others. The lists of rows are taken out of `repeats`. `records`: to
// which it is added, and so outlive it.
[[nodiscard]] std::unique_ptr<Edit> edit_of(const Finding& finding, const ValidatorOptions& options,
                                            const Records& records, Repeats& repeats);

}  // namespace luthier::data
