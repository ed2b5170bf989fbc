// `luthier run FILE`: uploads what the pipeline names, submits it, and watches it to its end.
#pragma once

#include "cli/command.h"
#include "cli/pipeline_file.h"

namespace luthier::cli {

struct RunOptions {
  FileOptions file;
  bool detach = false;
};

// kExitSuccess when the run succeeded (or was submitted, with --detach), kExitFailure when it did not, kExitDetached
// after Ctrl-C: the run goes on, and how to come back is printed.
[[nodiscard]] int run_command(const GlobalOptions& options, const RunOptions& run);

}  // namespace luthier::cli
