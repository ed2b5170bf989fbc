// `luthier data render FILE`: every example as the text that a model is trained on, for other tools to read.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/model_text.h"

namespace luthier::cli {

struct DataRenderOptions {
  std::string file;
  std::string format;
  std::int64_t line = 0;  // 0: all
  bool generation_prompt = false;
  ModelTextOptions model;
};

void add_data_render(CLI::App& data, GlobalOptions& global, DataRenderOptions& options, std::function<int()>& chosen);

// kExitFailure when the template refused an example; the others are printed all the same.
[[nodiscard]] int data_render_command(const GlobalOptions& global, const DataRenderOptions& options);

}  // namespace luthier::cli
