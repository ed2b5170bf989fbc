// `luthier up`: a controller and its agents on this machine, in the foreground, from the programs beside this one.
//
// In the data folder: the controller's own files, url (while it runs), agents/agent-N/, logs/PROGRAM.log. A program
// that ends is named with its reason and started again (restart_policy.h); one that keeps ending ends `up` with
// kExitFailure. SIGTERM, SIGINT and SIGHUP end everything within 10 s: controller and agents first, then what steps
// left running, which the next `up` takes up again from their last checkpoints.
#pragma once

#include "cli/command.h"

namespace luthier::cli {

struct UpOptions {
  int http_port = 7070;  // 0: any free one
  int grpc_port = 7071;
  int agents = 1;
};

[[nodiscard]] int up_command(const GlobalOptions& options, const UpOptions& up);

}  // namespace luthier::cli
