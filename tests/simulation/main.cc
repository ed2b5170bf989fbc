// simulation: runs seeded worlds and reports the first that breaks an invariant, with the command that replays it.
//
//   simulation [--seeds=N] [--start=M]   seeds M..M+N-1; every 50th is run twice, and must end in the same hash
//   simulation --seed=N                  one world, with a trace of everything
//   simulation --mutations               shows that the checkers catch deliberate breakages
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>

#include "tests/simulation/world.h"

namespace luthier::simulation {
namespace {

struct Expected {
  Mutation mutation;
  std::string_view name;
  std::string_view violation;
};
constexpr Expected kMutations[] = {
    {Mutation::kStaleAsCurrent, "reports of superseded attempts pass as current", "invariant 2"},
    {Mutation::kReleaseEarly, "resources are sold before the process is dead", "invariant 4"},
    {Mutation::kResumeFromStart, "agents are told to start over", "invariant 7"},
    {Mutation::kForgetEvent, "an event is not journaled", "invariant 10"},
    {Mutation::kAcknowledgeUnread, "ends are acknowledged and lost", "invariant 12"},
};
constexpr std::uint64_t kMutationSeedsMax = 300;

void print_failure(const World& world) {
  for (const std::string& violation : world.violations()) {
    std::cout << "  " << violation << "\n";
  }
  std::cout << "replay with: simulation --seed=" << world.options.seed << std::endl;
}

bool run_seed(std::uint64_t seed, bool twice, World::Counts& total) {
  World world({.seed = seed});
  world.run();
  if (!world.violations().empty()) {
    std::cout << "seed " << seed << " fails:\n";
    print_failure(world);
    return false;
  }
  if (twice) {
    World again({.seed = seed});
    again.run();
    if (again.final_hash() != world.final_hash()) {
      std::cout << "seed " << seed << " ends differently when run again: something depends on more than the seed\n";
      return false;
    }
  }
  const World::Counts& one = world.counts;
  total.runs += one.runs;
  total.succeeded += one.succeeded;
  total.failed += one.failed;
  total.cancelled += one.cancelled;
  total.controller_crashes += one.controller_crashes;
  total.agent_crashes += one.agent_crashes;
  total.machine_losses += one.machine_losses;
  total.checkpoints += one.checkpoints;
  total.retries += one.retries;
  total.stale_refused += one.stale_refused;
  return true;
}

// Faults that the simulation means to make must really happen, or a green result says nothing.
bool covers(const World::Counts& total) {
  return total.succeeded > 0 && total.failed > 0 && total.cancelled > 0 && total.controller_crashes > 0 &&
         total.agent_crashes > 0 && total.machine_losses > 0 && total.checkpoints > 0 && total.retries > 0 &&
         total.stale_refused > 0;
}

int run_seeds(std::uint64_t start, std::uint64_t count) {
  World::Counts total;
  for (std::uint64_t seed = start; seed < start + count; ++seed) {
    if (!run_seed(seed, seed % 50 == 0, total)) {
      return EXIT_FAILURE;
    }
  }
  std::cout << count << " seeds: " << total.runs << " runs (" << total.succeeded << " succeeded, " << total.failed
            << " failed, " << total.cancelled << " cancelled), " << total.checkpoints << " checkpoints, "
            << total.retries << " retries, " << total.controller_crashes << " controller crashes, "
            << total.agent_crashes << " agent crashes, " << total.machine_losses << " machines lost, "
            << total.stale_refused << " superseded attempts stopped\n";
  if (count >= 100 && !covers(total)) {
    std::cout << "some kind of fault or ending never happened\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int run_one(std::uint64_t seed) {
  World world({.seed = seed, .trace = true});
  world.run();
  if (!world.violations().empty()) {
    print_failure(world);
    return EXIT_FAILURE;
  }
  std::cout << "seed " << seed << " is fine; final hash " << world.final_hash() << "\n";
  return EXIT_SUCCESS;
}

bool is_caught(const Expected& expected) {
  for (std::uint64_t seed = 1; seed <= kMutationSeedsMax; ++seed) {
    World world({.seed = seed, .mutation = expected.mutation});
    world.run();
    for (const std::string& violation : world.violations()) {
      if (violation.starts_with(expected.violation)) {
        std::cout << expected.name << ": caught at seed " << seed << ": " << violation << "\n";
        return true;
      }
    }
  }
  std::cout << expected.name << ": NOT caught as " << expected.violation << "\n";
  return false;
}

int run_mutations() {
  bool all = true;
  for (const Expected& expected : kMutations) {
    all = is_caught(expected) && all;
  }
  return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

std::optional<std::uint64_t> number_after(std::string_view argument, std::string_view prefix) {
  std::uint64_t number = 0;
  if (!argument.starts_with(prefix)) {
    return std::nullopt;
  }
  argument.remove_prefix(prefix.size());
  const auto parsed = std::from_chars(argument.data(), argument.data() + argument.size(), number);
  return parsed.ec == std::errc{} && parsed.ptr == argument.data() + argument.size() ? std::optional(number)
                                                                                     : std::nullopt;
}

}  // namespace
}  // namespace luthier::simulation

int main(int argc, char** argv) {
  using namespace luthier::simulation;
  std::uint64_t start = 1;
  std::uint64_t count = 1'000;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (const auto seed = number_after(argument, "--seed=")) {
      return run_one(*seed);
    }
    if (argument == "--mutations") {
      return run_mutations();
    }
    if (const auto seeds = number_after(argument, "--seeds=")) {
      count = *seeds;
    } else if (const auto first = number_after(argument, "--start=")) {
      start = *first;
    } else {
      std::cerr << "usage: simulation [--seeds=N] [--start=M] | --seed=N | --mutations\n";
      return EXIT_FAILURE;
    }
  }
  return run_seeds(start, count);
}
