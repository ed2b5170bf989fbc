// `luthier data prepare`: repairs a file of examples on this machine, asking before each repair. Needs no controller.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace luthier::cli {

struct DataPrepareOptions {
  std::string file;
  std::string folder;  // where files go; empty: beside `file`
  std::string format;
  std::string task;
  std::string prompt_column;
  std::string completion_column;
  std::vector<std::string> labels;
  std::vector<std::string> decline;
  std::string separator;
  std::string ending;
  std::string turns;
  bool clean = false;
  bool yes = false;
  bool plan = false;
  double fraction = 1;
  std::optional<double> validation;  // without it: asked for a classification, as the legacy tool does
  std::optional<double> test;
  std::string group;
  std::uint64_t seed = 42;
  std::string memory = "96MiB";
  std::string temporary_folder;
  std::size_t threads = 0;
  bool fetch_images = false;
  bool allow_private_addresses = false;
  std::string scan_images;
};

// kExitFailure: the data is at fault, or the files cannot be written. kExitUsage: also when there is nobody to ask.
[[nodiscard]] int data_prepare_command(const GlobalOptions& options, const DataPrepareOptions& prepare);

void add_data_prepare(CLI::App& data, GlobalOptions& global, DataPrepareOptions& prepare, std::function<int()>& chosen);

}  // namespace luthier::cli
