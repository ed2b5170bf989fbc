// What was wrong with a command line that could not be parsed, in one sentence that says what to do.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace luthier::cli {

// One line without a line's end. Names the first command or option of `arguments` (argv without the program's name)
// that `program` does not know, with the nearest one that it does; otherwise says what `error` says.
std::string explain_misread(const CLI::App& program, const std::vector<std::string>& arguments,
                            const CLI::ParseError& error);

}  // namespace luthier::cli
