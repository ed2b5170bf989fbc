// Prepare: raw files in, training data out, with a report of everything that was changed or dropped.
// The library behind `luthier-prep prepare` and `luthier data prepare`. The source is never modified.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/remedies.h"
#include "pipelines/data/report.h"
#include "pipelines/data/settings.h"

namespace luthier::data {

struct Prepared {
  Task task = Task::kClassification;
  std::vector<Record> train;
  std::vector<Record> validation;
  std::vector<Record> test;
  std::vector<std::string> labels;  // sorted; classification only; without the space that begins a completion
  Report report;
  std::string tokenizer_json;  // empty unless a tokenizer was asked for
};

// Reads, repairs and splits; writes nothing. kInvalidArgument: the data or the settings are at fault, with the
// place and the remedy in the message.
[[nodiscard]] Result<Prepared> analyze(const Settings& settings);

// Writes train/, validation/, test/ (data.jsonl each; empty parts are left out), tokenizer/ when there is one, and
// report/ (report.json, report.md) under `folder`.
[[nodiscard]] Result<void> write_prepared(const Prepared& prepared, const std::filesystem::path& folder);

// What the prepare step gives, with artifact values whose paths are under `folder`.
[[nodiscard]] nlohmann::json outputs_of(const Prepared& prepared, const std::filesystem::path& folder);

}  // namespace luthier::data
