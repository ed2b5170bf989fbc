// The arguments of `luthier models …`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

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
};

void add_model_commands(CLI::App& app, GlobalOptions& global, ModelArguments& arguments, Command& chosen);

}  // namespace luthier::cli
