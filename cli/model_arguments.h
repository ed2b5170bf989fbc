// The arguments of `luthier models …` and `luthier artifacts …`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/artifacts.h"
#include "cli/models.h"

namespace luthier::cli {

using Command = std::function<int()>;

// Lives as long as the parser, which writes into it.
struct ModelArguments {
  std::string model;
  ImportOptions import;
  AliasOptions alias;
  RollbackOptions rollback;
  CompareOptions compare;
  std::vector<std::string> compare_data;
  ExportOptions export_;
  std::string digest;
  std::string folder;
};

void add_model_commands(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen);

}  // namespace luthier::cli
