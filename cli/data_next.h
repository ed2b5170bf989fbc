// What `luthier data prepare` says at its end: what was done, and what to do with the files. Pure.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipelines/data/prepare.h"

namespace luthier::cli {

struct NextSteps {
  std::string source;
  std::vector<std::filesystem::path> files;  // training first, then validation and test, as far as there are
  std::filesystem::path report;
  bool changes = false;  // otherwise `source` can be used as it is
  bool written = false;
  bool plan = false;
  bool has_validation = false;
  data::RowCounts rows;  // of the files
  data::Advice advice;
};

// Findings with what was decided, as JSON; taken before the draft is concluded.
[[nodiscard]] nlohmann::json summary_of(const data::Draft& draft, const std::vector<std::string>& accepted);

[[nodiscard]] nlohmann::json next_json(const NextSteps& next);
[[nodiscard]] std::string next_text(const NextSteps& next);

// A pipeline that trains on the files.
[[nodiscard]] std::string pipeline_snippet(const NextSteps& next);

// "1.5 minutes": in the largest unit that fits, with at most two decimals, as the legacy tool writes it.
[[nodiscard]] std::string legacy_duration(double seconds);

}  // namespace luthier::cli
