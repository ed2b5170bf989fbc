// `luthier data pack FILE`: a data file as shards of packed tokens.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/model_text.h"

namespace luthier::cli {

struct DataPackOptions {
  std::string file;
  ModelTextOptions model;
  std::string tokenizer;  // a file or folder, instead of a model
  std::string end_token;
  std::string out;
  std::uint32_t budget = 2048;
  std::uint32_t window = 50'000;
  std::uint64_t seed = 0;
};

void add_data_pack(CLI::App& data, GlobalOptions& global, DataPackOptions& options, std::function<int()>& chosen);

[[nodiscard]] int data_pack_command(const GlobalOptions& global, const DataPackOptions& options);

}  // namespace luthier::cli
