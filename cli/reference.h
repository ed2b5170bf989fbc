// Shell completions and man pages, made from the tree of commands that parses the arguments, so that they cannot drift
// from it. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier::cli {

// A script for `bash`, `zsh` or `fish` that completes commands, options, choices and file names. kInvalidArgument for
// another shell.
[[nodiscard]] Result<std::string> completion_script(const CLI::App& program, const std::string& shell);

struct ManPage {
  std::string name;  // "luthier-models-import"
  std::string text;  // man(7)
};
// The page of the command that `path` leads to ({"models", "import"}; empty: of the program). kInvalidArgument names
// what there is instead.
[[nodiscard]] Result<ManPage> man_page(const CLI::App& program, const std::vector<std::string>& path);
// Of the program and all its commands.
[[nodiscard]] std::vector<ManPage> man_pages(const CLI::App& program);

}  // namespace luthier::cli
