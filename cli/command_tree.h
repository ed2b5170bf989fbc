// The tree of commands as plain values, read from CLI11 once for completions and man pages.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace luthier::cli {

struct OptionFacts {
  std::vector<std::string> names;    // "-o", "--output"; one name in capitals for a positional one
  std::string value;                 // "NAME=VALUE", "INT"; empty: a switch
  std::vector<std::string> choices;  // "text", "json"; empty: anything
  std::string help;
  std::string fallback;  // the default, as text
  bool positional = false;
  bool required = false;
  bool repeated = false;
  [[nodiscard]] bool takes_file() const;  // by the name of its value
};

struct CommandFacts {
  std::vector<std::string> path;  // "luthier", "models", "import"
  std::string help;
  std::vector<OptionFacts> options;  // its own, not those of the commands above it
  std::vector<CommandFacts> commands;
};

[[nodiscard]] CommandFacts read_tree(const CLI::App& program);

}  // namespace luthier::cli
