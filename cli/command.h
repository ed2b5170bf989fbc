// What every command of `luthier` shares: global options, exit codes, and how errors end a command.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace luthier::cli {

// Documented in `luthier --help`.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;      // the run failed or was cancelled, or the request was refused
inline constexpr int kExitUsage = 2;        // wrong arguments, or a pipeline file with errors
inline constexpr int kExitUnreachable = 3;  // no controller answers
inline constexpr int kExitDetached = 130;   // Ctrl-C

struct GlobalOptions {
  std::string url;       // --url
  std::string key_file;  // --key-file
  std::string data;      // --data
  bool json = false;     // -o json
};

// Prints "luthier: MESSAGE" on stderr (a message of several lines as it is) and gives the exit code that fits.
[[nodiscard]] int report(const Error& error);

// Reads one environment variable; nothing when it is not set or empty.
[[nodiscard]] std::optional<std::string> environment(const std::string& name);

}  // namespace luthier::cli
