// The network: what a gRPC stream over a bad line does. A lost message breaks its connection (TCP would), messages of
// an old connection may still arrive at the controller, and a few overtake each other or come twice.
#include <algorithm>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"
#include "tests/simulation/messages.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {

void World::send_to_controller(const AgentId& from, std::uint64_t number, std::function<void()> message) {
  Link& wire = link(from);
  if (wire.broken || wire.blocked_up > 0 || number != wire.number) {
    return;
  }
  if (faults_on() && chance(kDropPerMille)) {
    break_link(from);
    return;
  }
  const std::int64_t delay = chance(30) ? between(200, 3'000) : between(1, 40);
  std::int64_t at = clock.now_ms() + delay;
  if (!(faults_on() && chance(kReorderPerMille))) {
    at = std::max(at, wire.to_controller_ms);
    wire.to_controller_ms = at;
  }
  const int copies = faults_on() && chance(kDuplicatePerMille) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    clock.at(at + i * between(0, 500), [this, from, message] {
      if (controller().up() && link(from).blocked_up == 0) {
        link(from).last_heard_ms = clock.now_ms();
        message();
      }
    });
  }
}

void World::send_to_agent(const AgentId& to, const core::AgentCommand& command) {
  Link& wire = link(to);
  const bool welcomed = wire.welcomed || mutator.is(Mutation::kCommandBeforeWelcome);
  if (!wire.server_side_open || !welcomed || wire.broken || wire.blocked_down > 0) {
    return;
  }
  if (faults_on() && chance(kDropPerMille)) {
    break_link(to);
    return;
  }
  std::int64_t at = clock.now_ms() + (chance(30) ? between(200, 3'000) : between(1, 40));
  if (!(faults_on() && chance(kReorderPerMille))) {
    at = std::max(at, wire.to_agent_ms);
    wire.to_agent_ms = at;
  }
  const int copies = faults_on() && chance(kDuplicatePerMille) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    clock.at(at + i * between(0, 500),
             [this, to, number = wire.number, command] { deliver_to_agent(to, number, command); });
  }
}

void World::welcome_agent(const AgentId& agent, std::uint64_t connection) {
  Link& wire = link(agent);
  wire.welcomed = wire.welcomed || wire.number == connection;
}

void World::deliver_to_agent(const AgentId& to, std::uint64_t number, const core::AgentCommand& command) {
  const Link& wire = link(to);
  if (wire.number == number && wire.agent_side_open && wire.blocked_down == 0 && agent(to).up()) {
    agent(to).feed(to_agent(command));
  }
}

void World::break_link(const AgentId& id) {
  Link& wire = link(id);
  if (wire.broken) {
    return;
  }
  wire.broken = true;
  clock.after(between(10, 6'000), [this, id, number = wire.number] {
    if (link(id).number == number) {
      agent(id).lose_connection();
    }
  });
}

void World::try_connect(const AgentId& id) {
  Link& wire = link(id);
  if (!agent(id).up() || wire.agent_side_open) {
    return;
  }
  if (!wire.can_connect() || !controller().up()) {
    clock.after(between(500, 2'000), [this, id] { try_connect(id); });
    return;
  }
  const std::uint64_t number = wire.number + 1;
  wire = Link{.number = number,
              .agent_side_open = true,
              .blocked_up = wire.blocked_up,
              .blocked_down = wire.blocked_down,
              .last_heard_ms = wire.last_heard_ms};
  core::AgentConnected hello = agent(id).hello();
  hello.connection = number;
  const std::int64_t at = clock.now_ms() + between(1, 40);
  wire.to_controller_ms = at;
  wire.to_agent_ms = at;
  clock.at(at, [this, id, number, hello = std::move(hello)] {
    Link& now = link(id);
    if (now.number != number || now.broken || !now.can_connect() || !controller().up()) {
      break_link(id);
      return;
    }
    now.server_side_open = true;
    now.last_heard_ms = clock.now_ms();
    if (mutator.is(Mutation::kCommandBeforeWelcome)) {  // which a long commit would do, more rarely
      clock.after(between(0, 2'000), [this, hello] { controller().feed(hello); });
    } else {
      controller().feed(hello);
    }
    if (agent(id).up() && link(id).number == number && link(id).agent_side_open) {
      agent(id).feed(agents::Connected{});  // reports follow Hello on the same stream
    }
  });
}

void World::controller_went_down() {
  for (auto& [id, wire] : links_) {
    wire.server_side_open = false;
    break_link(id);
  }
}

}  // namespace luthier::simulation
