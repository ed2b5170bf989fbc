// `luthier data show FILE`: one example as the model is trained on it, coloured by what is trained.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/model_text.h"

namespace luthier::cli {

struct DataShowOptions {
  std::string file;
  std::string format;
  std::int64_t line = 1;
  ModelTextOptions model;
};

void add_data_show(CLI::App& data, GlobalOptions& global, DataShowOptions& options, std::function<int()>& chosen);

[[nodiscard]] int data_show_command(const GlobalOptions& global, const DataShowOptions& options);

}  // namespace luthier::cli
