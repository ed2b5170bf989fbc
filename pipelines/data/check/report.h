// Report: what the checks of a file found, for people and for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/data/check/totals.h"
#include "pipelines/data/tokens/count_rule.h"

namespace luthier::data::check {

struct FileFacts {
  std::string file;
  std::string format;  // "jsonl"
  std::string kind;    // "chat"; of most records
  std::int64_t records = 0;
  std::int64_t examples = 0;
  std::uint64_t bytes = 0;  // expanded
  std::int64_t images = 0;
  std::int64_t images_usable = 0;  // of them, as far as they were looked at
  std::int64_t examples_with_images = 0;
};

struct LabelFacts {
  std::string label;
  std::int64_t count = 0;
  std::int64_t tokens = 0;  // 0: not counted
};

struct Report {
  FileFacts training;
  std::optional<FileFacts> validation;
  std::string task;                // "classification", "generation", "open-ended"; empty: not known
  std::vector<LabelFacts> labels;  // of classification, the most frequent first
  std::optional<TokenTotals> tokens;
  tokens::CountRule rule = tokens::CountRule::kNotebook;  // of `tokens`
  std::int64_t context = 0;
  Findings findings;

  [[nodiscard]] bool ok() const { return findings.count(Severity::kError) == 0; }
};

// docs/data.md says what each member is.
[[nodiscard]] nlohmann::ordered_json to_json(const Report& report);
// Lines for a terminal of any width; `color`: with escape sequences.
[[nodiscard]] std::string to_text(const Report& report, bool color);

}  // namespace luthier::data::check
