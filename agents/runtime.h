// AgentRuntime: puts core, links and runner together. Owns every thread of the agent.
#pragma once

#include <memory>

#include "agents/config.h"
#include "agents/run/cancel.h"
#include "agents/strand.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace luthier::agents {

class AgentRuntime {
 public:
  AgentRuntime(Config config, const Clock& clock, Log& log);
  ~AgentRuntime();

  // Locks the data folder, joins if it must, recovers attempts, connects; returns when `stop` is set and all threads
  // have ended. Running steps stay with their shims. An error when it cannot start.
  // With config.drain, `stop` first asks the controller for no more work, and the end comes when nothing is held any
  // more, or `stop_now` is set.
  [[nodiscard]] Result<void> run(const Cancel& stop, const Cancel& stop_now);

 private:
  struct Parts;
  [[nodiscard]] Result<void> lock_data();
  void perform(Parts& parts, const Effect& effect);
  void on_connected(const std::string& agent_id);
  void drain(Parts& parts, const Cancel& stop_now);

  const Config config_;
  const Clock& clock_;
  Log& log_;
  UniqueFd lock_;
};

}  // namespace luthier::agents
