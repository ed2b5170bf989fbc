#include "tests/simulation/world.h"

#include <algorithm>
#include <iostream>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"
#include "tests/simulation/random_plan.h"

namespace luthier::simulation {

World::World(const Options& chosen) : random(chosen.seed), options(chosen) {
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

std::vector<AgentId> World::agent_ids() const {
  std::vector<AgentId> ids;
  for (const auto& [id, agent] : agents_) {
    ids.push_back(id);
  }
  return ids;
}

void World::schedule_clients() {
  const int runs = 2 + static_cast<int>(random.below(3));
  for (int i = 1; i <= runs; ++i) {
    const plan::Plan plan = random_plan(random, i);
    const std::int64_t at = between(100, 40'000);
    clock.at(at, [this, plan] {
      if (controller_->up()) {
        controller_->feed(core::SubmitRun{.request = 1, .plan = plan, .yaml = "", .file_name = "p.yaml"});
      }
    });
    if (random.below(4) == 0) {
      clock.at(at + between(0, 30'000), [this, i] {
        if (controller_->up()) {
          controller_->feed(core::CancelRun{.request = 2, .run = RunId{"r-" + std::to_string(i)}, .by = "someone"});
        }
      });
    }
  }
  clock.at(50, [this] {
    if (controller_->up()) {
      controller_->feed(core::RegisterModel{.request = 3, .model = "tiny", .weights = {.base = "sha256:tiny"}});
    }
  });
  const int uses = static_cast<int>(random.below(4));
  for (int i = 0; i < uses; ++i) {
    clock.at(between(1'000, 80'000), [this, i] {
      if (controller_->up()) {
        controller_->feed(core::UseModel{.request = 4, .model = i == 0 ? "p0" : "tiny"});
      }
    });
  }
}

void World::inject_fault() {
  const AgentId victim{"a-" + std::to_string(1 + random.below(agents_.size()))};
  switch (random.below(8)) {
    case 0: controller_->crash("at random"); break;
    case 1:
    case 2: agents_.at(victim)->crash_process(); break;
    case 3: agents_.at(victim)->lose_machine(); break;
    case 4:
    case 5: agents_.at(victim)->kill_a_process(); break;
    case 6: break_link(victim); break;
    case 7:
      trace(victim.value + " is partitioned");
      link(victim).partitioned = true;
      break_link(victim);
      clock.after(between(1'000, 30'000), [this, victim] { link(victim).partitioned = false; });
      break;
  }
}

void World::schedule_faults() {
  const int faults = static_cast<int>(random.below(14));  // some worlds are calm
  for (int i = 0; i < faults; ++i) {
    clock.at(between(500, kFaultsEndMs - 1), [this] { inject_fault(); });
  }
  clock.at(kFaultsEndMs, [this] { heal(); });
}

void World::heal() {
  trace("faults stop");
  for (auto& [id, wire] : links_) {
    wire.partitioned = false;
  }
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
  return agents_idle && controller_->up() && controller_->state().runs.empty() &&
         controller_->state().deployments.empty() && controller_->state().allocations.empty();
}

void World::run() {
  schedule_clients();
  schedule_faults();
  controller_->start();
  for (auto& [id, agent] : agents_) {
    agent->start_machine();
  }
  std::int64_t next_watch_ms = 0;
  while (violations_.empty() && clock.now_ms() < kWorldEndMs) {
    if (!clock.advance(next_watch_ms)) {
      controller_->watch();
      for (auto& [id, wire] : links_) {
        if (wire.server_side_open && !wire.broken && !wire.partitioned) {
          wire.last_heard_ms = clock.now_ms();  // a heartbeat
        }
      }
      next_watch_ms = clock.now_ms() + 1'000;
      if (!faults_on() && is_quiet()) {
        break;
      }
    }
    ++steps_;
    violations_.insert(violations_.end(), checker.violations().begin(), checker.violations().end());
  }
  if (violations_.empty()) {
    check_end();
  }
}

std::uint64_t World::final_hash() const {
  std::uint64_t hash = controller_->up() ? core::hash(controller_->state()) : 0;
  for (const std::uint64_t part : {steps_, static_cast<std::uint64_t>(clock.now_ms()), Random(random).next()}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL;
  }
  return hash;
}

}  // namespace luthier::simulation
