// World: one controller, a few agents, their clients and the network between them, in simulated time and one thread.
//
// The parts call each other only through this header: messages, faults and checks pass here, so that the seed's
// random numbers are drawn in one fixed order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "controller/core/core.h"
#include "controller/core/invariants.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/clockwork.h"
#include "tests/simulation/mutations.h"
#include "tests/simulation/options.h"
#include "tests/simulation/reuse.h"
#include "tests/simulation/telemetry.h"

namespace luthier::simulation {

class ControllerNode;
class AgentNode;

// The connection of one agent. Messages carry the number of the connection they were sent on.
struct Link {
  std::uint64_t number = 0;           // the newest connection; numbers never come back
  bool agent_side_open = false;       // the agent believes in it
  bool server_side_open = false;      // the controller has heard its Hello
  bool welcomed = false;              // and decided upon it: commands may go over it
  bool broken = false;                // messages are lost from now on; each side notices later
  int blocked_up = 0;                 // partitions that swallow what goes to the controller
  int blocked_down = 0;               // ... to the agent
  std::int64_t to_controller_ms = 0;  // last delivery, for order
  std::int64_t to_agent_ms = 0;
  std::int64_t last_heard_ms = 0;  // by the controller

  [[nodiscard]] bool can_connect() const { return blocked_up == 0 && blocked_down == 0; }
};

class World {
 public:
  explicit World(const Options& options);
  ~World();

  // Runs to the end of the world, or to the first violation.
  void run();

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::uint64_t final_hash() const;
  [[nodiscard]] int fault_count() const { return static_cast<int>(faults_.size()); }
  struct Counts {
    int runs = 0, succeeded = 0, failed = 0, cancelled = 0, controller_crashes = 0, agent_crashes = 0,
        machine_losses = 0, reboots = 0, checkpoints = 0, retries = 0, stale_refused = 0, torn_kept = 0, waits_told = 0,
        torn_records = 0, partitions = 0, cache_hits = 0, reruns = 0, taken_over = 0, resumed_reruns = 0, drains = 0,
        cordons = 0, low_disks = 0;
    std::uint64_t events = 0;
  };
  Counts counts;

  // --- for the nodes ---
  Clockwork clock;
  Random random;
  const Options options;
  Mutator mutator;
  core::Options policy;
  core::InvariantChecker checker;
  Telemetry telemetry;
  Clients clients;
  Reuse reuse;
  std::map<AttemptId, std::int64_t> resume_steps;  // as journaled, of every attempt

  [[nodiscard]] bool chance(int per_mille) { return random.below(1000) < static_cast<std::uint64_t>(per_mille); }
  [[nodiscard]] std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most - least + 1)));
  }
  [[nodiscard]] bool faults_on() const { return options.mode == Mode::kSafety || clock.now_ms() < kFaultsEndMs; }
  void violate(const std::string& what);
  void trace(const std::string& line) const;
  void trace(const std::string& line, const core::Json& body) const;

  ControllerNode& controller() { return *controller_; }
  AgentNode& agent(const AgentId& id) { return *agents_.at(id); }
  Link& link(const AgentId& id) { return links_[id]; }
  [[nodiscard]] std::vector<AgentId> agent_ids() const;

  // --- network.cc ---
  // `message` runs at the controller when it arrives on connection `number`, if it does.
  void send_to_controller(const AgentId& from, std::uint64_t number, std::function<void()> message);
  void send_to_agent(const AgentId& to, const core::AgentCommand& command);
  void welcome_agent(const AgentId& agent, std::uint64_t connection);
  void break_link(const AgentId& id);
  void try_connect(const AgentId& id);
  void controller_went_down();

 private:
  // --- faults.cc ---
  struct Fault {
    std::int64_t at_ms = 0;
    int kind = 0;
    AgentId victim;
    std::int64_t lasts_ms = 0;
  };
  void schedule_faults();
  void inject(const Fault& fault);
  void partition(const Fault& fault, bool up, bool down);
  void heal();
  void restore_order();  // once faults have stopped: what people asked for is taken back

  void check_end();
  [[nodiscard]] bool is_quiet() const;  // nothing is left to be done
  void deliver_to_agent(const AgentId& to, std::uint64_t number, const core::AgentCommand& command);

  std::unique_ptr<ControllerNode> controller_;
  std::map<AgentId, std::unique_ptr<AgentNode>> agents_;
  std::map<AgentId, Link> links_;
  std::vector<Fault> faults_;
  std::vector<std::string> violations_;
  std::uint64_t steps_ = 0;
};

}  // namespace luthier::simulation
