// What a shim listens to: signals, the step's output, its two sockets; and the lock that makes it the attempt's only
// one.
#pragma once

#include <filesystem>

#include "agents/shim/connections.h"
#include "agents/shim/records.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::shim {

struct Wires {
  UniqueFd signals;
  UniqueFd output;  // read end of the step's stdout and stderr
  UniqueFd output_write;
  Connections control;
  Connections worker;
};

// kFailedPrecondition when another shim has the attempt, or it was started before.
[[nodiscard]] Result<UniqueFd> take_lock(const std::filesystem::path& folder);
// Takes the signals of this process, which becomes a child subreaper, and makes pipe and sockets.
[[nodiscard]] Result<Wires> make_wires(const Launch& launch);

}  // namespace luthier::shim
