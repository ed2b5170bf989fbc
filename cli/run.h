// `luthier run FILE`: uploads what the pipeline names, submits it, and watches it to its end. `luthier rerun RUN`.
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

struct RerunOptions {
  std::string run;
  std::string from;    // a step that starts over; empty: what did not succeed
  bool fresh = false;  // trainings start over, not from their newest checkpoint
  bool detach = false;
};

// `luthier rerun RUN`: a new run that takes over what succeeded in RUN. Exit codes as for run_command().
[[nodiscard]] int rerun_command(const GlobalOptions& options, const RerunOptions& rerun);

}  // namespace luthier::cli
