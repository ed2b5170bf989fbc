// The exit codes of `luthier`, said once: for --help, the man pages and docs/operations.md.
#pragma once

#include <array>

#include "cli/command.h"

namespace luthier::cli {

struct ExitCode {
  int code;
  const char* meaning;
};

inline constexpr std::array kExitCodes{
    ExitCode{kExitSuccess, "success; `doctor`: no check failed, though some may warn"},
    ExitCode{kExitFailure, "the run failed or was cancelled, a request was refused, or a check of `doctor` failed"},
    ExitCode{kExitUsage, "wrong arguments, or a pipeline file with errors"},
    ExitCode{kExitUnreachable, "no controller answers"},
    ExitCode{kExitDetached, "Ctrl-C: what was watched goes on; `run` has detached"},
};

}  // namespace luthier::cli
