#include "tests/simulation/world.h"

#include <algorithm>
#include <iostream>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"

namespace luthier::simulation {

World::World(const Options& chosen)
    : random(chosen.seed), options(chosen), mutator(chosen), telemetry(*this), clients(*this), reuse(*this) {
  policy.crash_limit = 2 + static_cast<int>(chosen.seed % 2);  // few worlds have more than three agents
  core::State empty;
  empty.options = policy;
  checker = core::InvariantChecker(empty);
  checker.set_start_grace(milliseconds{kSilenceMs});
  controller_ = std::make_unique<ControllerNode>(*this);
  const int count = 2 + static_cast<int>(random.below(3));
  for (int i = 1; i <= count; ++i) {
    const AgentId id{"a-" + std::to_string(i)};
    // The first has two GPUs, so that every random step fits somewhere once the faults have stopped.
    agents_.emplace(id, std::make_unique<AgentNode>(*this, id, i == 1 ? 2 : static_cast<int>(random.below(2))));
    links_[id] = Link{};
  }
}

World::~World() = default;

void World::violate(const std::string& what) {
  violations_.push_back(what + " (at " + std::to_string(clock.now_ms()) + " ms)");
}

void World::trace(const std::string& line) const {
  if (options.trace) {
    std::cout << clock.now_ms() << " " << line << "\n";
  }
}

void World::trace(const std::string& line, const core::Json& body) const {
  if (options.trace) {
    trace(line + body.dump().substr(0, 160));
  }
}

std::vector<AgentId> World::agent_ids() const {
  std::vector<AgentId> ids;
  for (const auto& [id, agent] : agents_) {
    ids.push_back(id);
  }
  return ids;
}

// Invariant 12, and that nothing is left behind.
void World::check_end() {
  if (!controller_->up()) {
    return violate("invariant 12: the controller is down at the end");
  }
  const core::State& state = controller_->state();
  for (const auto& [id, run] : state.runs) {
    for (const auto& [step, live] : run.steps) {
      if (!core::is_terminal(live.status)) {
        violate("invariant 12: " + id.value + "/" + step.value + " is " + core::to_string(live.status) + ": " +
                core::waiting_reason(state, id, step, controller_->now()));
      }
    }
  }
  for (const auto& [attempt, allocation] : state.allocations) {
    violate("invariant 12: " + to_string(attempt) + " still holds resources of " + allocation.agent.value);
  }
  for (const auto& [id, agent] : agents_) {
    if (!agent->is_idle()) {
      violate("invariant 12: " + agent->describe());
    }
  }
}

bool World::is_quiet() const {
  const bool agents_idle = std::all_of(agents_.begin(), agents_.end(),
                                       [](const auto& each) { return each.second->up() && each.second->is_idle(); });
  return agents_idle && controller_->is_settled() && controller_->state().runs.empty() &&
         controller_->state().deployments.empty() && controller_->state().allocations.empty();
}

void World::run() {
  clients.schedule();
  schedule_faults();
  controller_->start();
  for (auto& [id, agent] : agents_) {
    agent->start_machine();
  }
  const bool safety = options.mode == Mode::kSafety;
  const std::int64_t end_ms = safety ? kSafetyEndMs : kWorldEndMs;
  std::int64_t next_watch_ms = 0;
  while (violations_.empty() && clock.now_ms() < end_ms) {
    if (!clock.advance(next_watch_ms)) {
      controller_->watch();
      for (auto& [id, wire] : links_) {
        if (wire.server_side_open && !wire.broken && wire.blocked_up == 0) {
          wire.last_heard_ms = clock.now_ms();  // a heartbeat
        }
      }
      next_watch_ms = clock.now_ms() + 1'000;
      if (!faults_on()) {
        restore_order();
      }
      if (!faults_on() && is_quiet()) {
        break;
      }
    }
    ++steps_;
    violations_.insert(violations_.end(), checker.violations().begin(), checker.violations().end());
  }
  if (violations_.empty() && !safety) {
    check_end();
  }
  clients.check_end(!safety && violations_.empty());
}

std::uint64_t World::final_hash() const {
  std::uint64_t hash = controller_->up() ? core::hash(controller_->state()) : 0;
  for (const std::uint64_t part : {steps_, static_cast<std::uint64_t>(clock.now_ms()), Random(random).next()}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;
  }
  return hash;
}

}  // namespace luthier::simulation
