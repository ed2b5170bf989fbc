// What an evaluation found: metrics, the verdict, and the report people read. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agents/worker/eval/gate.h"

namespace luthier::worker {

struct Sample {
  std::string prompt;
  std::string expected;
  std::optional<std::string> base;  // what the model says without its adapter; absent when it has none
  std::string tuned;
};

struct EvalReport {
  std::string model_name;  // may be empty
  Measured model;
  std::optional<Measured> base;
  std::optional<Measured> baseline;
  nlohmann::json baseline_value;  // which one that was: {name, version, base, adapter}; null without one
  Gate gate;
  Verdict verdict;
  std::vector<std::string> labels;
  std::vector<Sample> samples;
  std::vector<std::int64_t> lines;  // of the examples in data.jsonl; empty for plain text
};
[[nodiscard]] nlohmann::json to_json(const EvalReport& report);
[[nodiscard]] std::string to_markdown(const EvalReport& report);

}  // namespace luthier::worker
