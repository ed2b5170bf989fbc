// Shim: parent of one step's process. Owns its pipes and its worker socket, spools what it says, keeps the exit
// record, and serves the agent on the control socket. Lives in one thread and one poll() loop; outlives the agent.
//
//   running ──(1)──► stopping ──(2)──► reaping ──(3)──► ended
//      └────────────────(2)──────────────┘
//  1  stop asked for (control socket, SIGTERM, orphan timeout, lease over, memory used up, spool full): TERM to the
//  process group, KILL to the
//     whole tree after the grace period.
//  2  the step's process is dead: everything it started is killed.
//  3  no descendant is left: what the pipes and sockets still hold is spooled, all is fsynced, exit.json is written.
//
// The step's process gets SIGKILL from the kernel when the shim dies (PR_SET_PDEATHSIG); what that process started
// is then found by its environment: see kill_leftovers() in process_tree.h.
#pragma once

#include <filesystem>
#include <memory>

#include "agents/shim/records.h"
#include "base/clock.h"
#include "base/result.h"

namespace luthier::shim {

class Shim {
 public:
  // Takes the attempt's lock and writes shim.json. kFailedPrecondition when another shim has the attempt, or it was
  // started before: an attempt runs once.
  [[nodiscard]] static Result<std::unique_ptr<Shim>> create(const std::filesystem::path& attempt_folder,
                                                            const Clock& clock);
  ~Shim();

  // Starts the step's process and returns when exit.json is written (also when it could not be started).
  [[nodiscard]] Result<void> run();

 private:
  class Loop;
  explicit Shim(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace luthier::shim
