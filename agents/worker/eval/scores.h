// Scores: what each example of an evaluation says about each model, and the file scores.jsonl of a report. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/paired_bootstrap.h"

namespace luthier::worker {

struct ExampleScores {
  double loss = 0;  // summed over the supervised tokens
  std::int64_t tokens = 0;
  std::int64_t correct_tokens = 0;
  std::optional<bool> label_correct;  // with labels
};

struct ModelScores {
  std::vector<ExampleScores> examples;
};

// The examples' parts in a metric (loss, token_accuracy, sequence_accuracy, label_accuracy); nullopt for another name,
// or when it was not measured.
[[nodiscard]] std::optional<std::vector<ScorePart>> parts_of(const ModelScores& scores, const std::string& metric);

// Of `scores`, whose examples stand at `lines`, those that stand at the lines of `kept`. Both ascend.
[[nodiscard]] ModelScores scores_at(const ModelScores& scores, const std::vector<std::int64_t>& lines,
                                    const std::vector<std::int64_t>& kept);

// scores.jsonl: a line for each example, {"example": n from 0, "line": of data.jsonl (null for plain text), "model":
// {"loss", "tokens", "correct_tokens", "exact", "label_correct"}, "base": the same or null, "baseline": likewise}. A
// model that cut the data into another number of examples has null where it has none.
[[nodiscard]] std::string to_jsonl(const ModelScores& model, const std::optional<ModelScores>& base,
                                   const std::optional<ModelScores>& baseline, const std::vector<std::int64_t>& lines);

}  // namespace luthier::worker
