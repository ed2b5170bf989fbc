// `luthier data check FILE`: everything that is wrong with a data file, before a GPU is held for it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/model_text.h"

namespace luthier::cli {

struct DataCheckOptions {
  std::string file;
  std::string validation;
  std::string format;
  ModelTextOptions model;
  std::string tokenizer;  // file or folder, instead of the model's
  std::string rule;       // "template", "notebook"; empty: what `model` and `tokenizer` ask for
  std::int64_t context_tokens = 0;
  std::string memory = "96MiB";
  std::string temporary_folder;
  std::size_t threads = 0;
  std::size_t places = 5;
  bool near_duplicates = true;
  bool fetch_images = false;
  bool allow_private_addresses = false;
  std::string scan_images;
};

// The value of --memory: "64MiB", "1GiB", "500000".
[[nodiscard]] Result<std::size_t> parse_memory(const std::string& text);

void add_data_check(CLI::App& data, GlobalOptions& global, DataCheckOptions& options, std::function<int()>& chosen);

// kExitSuccess: no errors, though there may be warnings; kExitFailure: errors; kExitUsage: the file cannot be read.
[[nodiscard]] int data_check_command(const GlobalOptions& global, const DataCheckOptions& options);

}  // namespace luthier::cli
