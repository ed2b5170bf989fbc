// The fault menu of DESIGN section 3. The schedule is drawn before the world begins, so that a fault can be left out
// of it without changing the others; small accidents (a lost message, a crash between a commit and its effects) come
// on top by chance wherever they can happen.
#include <algorithm>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {
namespace {

enum Kind {
  kControllerCrash,
  kControllerCrashesInARow,
  kControllerSlowDisk,
  kControllerFullDisk,
  kWallClockJump,
  kAgentCrash,
  kAgentCrashAgain,  // twice as likely as most
  kMachineLoss,
  kReboot,
  kKill,
  kKillAgain,
  kShimLoss,
  kSilentWorker,
  kAgentSlowDisk,
  kAgentFullDisk,
  kLateCheckpoints,
  kTelemetryOutage,
  kBrokenLink,
  kPartition,
  kPartitionUp,
  kPartitionDown,
  kCordon,
  kDrain,
  kLowDisk,
  kKinds,
};

}  // namespace

void World::schedule_faults() {
  const bool safety = options.mode == Mode::kSafety;
  const std::int64_t end_ms = safety ? kSafetyEndMs : kFaultsEndMs;
  const int count = static_cast<int>(random.below(safety ? 40 : 16));  // some worlds are calm
  for (int i = 0; i < count; ++i) {
    faults_.push_back({.at_ms = between(500, end_ms - 1),
                       .kind = static_cast<int>(random.below(kKinds)),
                       .victim = AgentId{"a-" + std::to_string(1 + random.below(agents_.size()))},
                       .lasts_ms = between(1'000, 30'000)});
  }
  for (int i = 0; i < count; ++i) {
    if (!options.dropped_faults.contains(i)) {
      clock.at(faults_[static_cast<std::size_t>(i)].at_ms, [this, i] { inject(faults_[static_cast<std::size_t>(i)]); });
    }
  }
  if (!safety) {
    clock.at(kFaultsEndMs, [this] { heal(); });
  }
}

void World::inject(const Fault& fault) {
  AgentNode& victim = *agents_.at(fault.victim);
  const std::int64_t until_ms = std::min(clock.now_ms() + fault.lasts_ms, faults_on() ? INT64_MAX : clock.now_ms());
  switch (fault.kind) {
    case kControllerCrash: controller_->crash("at random"); break;
    case kControllerCrashesInARow:
      controller_->crash_in_a_row(static_cast<int>(fault.lasts_ms % 4) + 1);
      controller_->crash("first of several times");
      break;
    case kControllerSlowDisk: controller_->slow_disk_until(until_ms); break;
    case kControllerFullDisk: controller_->full_disk_until(until_ms); break;
    case kWallClockJump: controller_->jump_wall_clock((fault.lasts_ms - 15'000) * (fault.lasts_ms % 500)); break;
    case kAgentCrash:
    case kAgentCrashAgain: victim.crash_process(); break;
    case kMachineLoss: victim.lose_machine(); break;
    case kReboot: victim.reboot(); break;
    case kKill:
    case kKillAgain: victim.kill_a_process({.exit_code = -1, .signal = 9}); break;
    case kShimLoss: victim.kill_a_process({.recorded = false}); break;
    case kSilentWorker: victim.silence_a_process(); break;
    case kAgentSlowDisk: victim.slow_disk_until(until_ms); break;
    case kAgentFullDisk: victim.fill_disk_until(until_ms); break;
    case kLateCheckpoints: victim.delay_checkpoints_until(until_ms); break;
    case kTelemetryOutage: victim.cut_telemetry_until(until_ms); break;
    case kBrokenLink: break_link(fault.victim); break;
    case kPartition: partition(fault, true, true); break;
    case kPartitionUp: partition(fault, true, false); break;
    case kPartitionDown: partition(fault, false, true); break;
    case kCordon:
      ++counts.cordons;
      controller_->feed(core::CordonAgent{.agent = fault.victim.value, .by = "someone"});
      clock.after(fault.lasts_ms, [this, victim = fault.victim.value] {
        controller_->feed(core::CordonAgent{.agent = victim, .cordoned = false, .by = "someone"});
      });
      break;
    case kDrain:
      ++counts.drains;
      controller_->feed(core::DrainAgent{.agent = fault.victim.value,
                                         .deadline = milliseconds{fault.lasts_ms % 3 == 0 ? 0 : fault.lasts_ms / 3},
                                         .by = "someone"});
      clock.after(fault.lasts_ms, [this, victim = fault.victim.value] {
        controller_->feed(core::CordonAgent{.agent = victim, .cordoned = false, .by = "someone"});
      });
      break;
    case kLowDisk:
      ++counts.low_disks;
      controller_->feed(core::StorageReport{"1 GiB is free, 2 GiB are to stay free"});
      clock.after(fault.lasts_ms, [this] { controller_->feed(core::StorageReport{}); });
      break;
    default: LUTHIER_CHECK(false);
  }
}

// One-way or both ways. The connection dies of it, but neither side knows at once.
void World::partition(const Fault& fault, bool up, bool down) {
  ++counts.partitions;
  trace(fault.victim.value + " is partitioned" + (up && down ? "" : up ? " upwards" : " downwards"));
  Link& wire = link(fault.victim);
  wire.blocked_up += up ? 1 : 0;
  wire.blocked_down += down ? 1 : 0;
  clock.after(between(0, 12'000), [this, victim = fault.victim] { break_link(victim); });
  clock.after(fault.lasts_ms, [this, victim = fault.victim, up, down] {
    Link& healed = link(victim);
    healed.blocked_up = std::max(0, healed.blocked_up - (up ? 1 : 0));
    healed.blocked_down = std::max(0, healed.blocked_down - (down ? 1 : 0));
  });
}

void World::restore_order() {
  if (!controller_->up()) {
    return;
  }
  std::vector<std::string> kept_from_work;
  for (const auto& [id, agent] : controller_->state().agents) {
    if (agent.cordoned || agent.draining) {
      kept_from_work.push_back(id.value);
    }
  }
  const bool low = !controller_->state().storage_low.empty();
  for (const std::string& agent : kept_from_work) {
    controller_->feed(core::CordonAgent{.agent = agent, .cordoned = false, .by = "someone"});
  }
  if (low) {
    controller_->feed(core::StorageReport{});
  }
}

void World::heal() {
  trace("faults stop");
  controller_->slow_disk_until(0);
  controller_->full_disk_until(0);
  controller_->crash_in_a_row(0);
  controller_->correct_wall_clock();
  for (auto& [id, wire] : links_) {
    wire.blocked_up = 0;
    wire.blocked_down = 0;
  }
  for (auto& [id, agent] : agents_) {
    agent->heal();
  }
}

}  // namespace luthier::simulation
