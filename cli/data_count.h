// `luthier data count`: tokens of a data file, what training on them takes, and what it costs. Needs no controller.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/model_text.h"

namespace luthier::cli {

struct DataCountOptions {
  std::string file;
  std::string format;
  ModelTextOptions model;
  std::string tokenizer;  // file or folder, instead of the model's
  std::string rule;       // "template", "notebook"; empty: what `model` and `tokenizer` ask for
  std::optional<std::int64_t> training_context;
  std::optional<std::int64_t> context;
  std::optional<std::int64_t> epochs;
  std::string prices;           // file; without it DATA/prices.json where there is one
  std::string price_model;      // its name there; the name of `model`'s folder without it
  std::optional<double> price;  // of a million trained tokens, without a table
  std::optional<double> tokens_per_second;
  std::string speed_of;     // RUN or RUN/STEP: the speed that this training reported
  std::optional<int> gpus;  // that make the speed; those of the training, or 1
  bool each = false;        // a line for each example
};

void add_data_count(CLI::App& data, GlobalOptions& global, DataCountOptions& options, std::function<int()>& chosen);

// kExitFailure: no example could be counted; kExitUsage: the file, the tokenizer or the prices cannot be read.
[[nodiscard]] int data_count_command(const GlobalOptions& global, const DataCountOptions& options);

}  // namespace luthier::cli
