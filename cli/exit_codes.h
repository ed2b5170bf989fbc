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
    ExitCode{kExitFailure,
             "the run failed or was cancelled, a request was refused, a check of `doctor` failed, or `data` found the "
             "data at fault"},
    ExitCode{kExitUsage,
             "wrong arguments, a pipeline file with errors, a data file that cannot be read, or questions to ask and "
             "no terminal"},
    ExitCode{kExitUnreachable, "no controller answers"},
    ExitCode{kExitDetached, "Ctrl-C: what was watched goes on; `run` has detached"},
};

}  // namespace luthier::cli
