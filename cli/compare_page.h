// The comparison of two models as one HTML file: no script, nothing from elsewhere, light and dark. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/comparison.h"

namespace luthier::cli {

// A metric that the registry holds of the two versions; null when it does not.
struct MetricRow {
  std::string name;
  Json first;
  Json second;
};

struct Comparison {
  std::string first;  // as they were named, with the version: "sports@base (version 1)"
  std::string second;
  std::string source;  // where the questions come from; "" when there are none
  std::vector<MetricRow> metrics;
  std::vector<ScoreRow> scores;
  std::vector<Answers> answers;
};

// Safe within an element and within a quoted attribute; control characters but newline and tab become U+FFFD.
[[nodiscard]] std::string escape_html(std::string_view text);

[[nodiscard]] std::string comparison_page(const Comparison& comparison);

}  // namespace luthier::cli
