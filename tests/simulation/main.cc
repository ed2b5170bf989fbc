// simulation: runs seeded worlds and reports the first that breaks an invariant, with the command that replays it.
//
//   simulation [--seeds=N] [--start=M] [--mode=liveness|safety|both]
//       first the regression cases of tests/simulation/seeds.txt, then seeds M..M+N-1 (of both modes: safety for every
//       fourth); every 50th is run twice, and must end in the same hash
//   simulation --seed=N [--mode=...] [--mutation=NAME] [--drop=FAULT,...] [--trace]
//       one world; --drop leaves faults of its schedule out
//   simulation --mutations
//       shows that the checkers catch deliberate breakages
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string_view>

#include "tests/simulation/world.h"

namespace luthier::simulation {
namespace {

constexpr std::uint64_t kMutationSeedsMax = 600;

std::string program = "simulation";  // as it was called

std::string mode_name(Mode mode) { return mode == Mode::kSafety ? "safety" : "liveness"; }

// Leaves out one fault after the other as long as the world still fails.
Options shrink(Options failing) {
  const int faults = [&] {
    World world(failing);
    world.run();
    return world.fault_count();
  }();
  for (int i = 0; i < faults; ++i) {
    Options smaller = failing;
    smaller.dropped_faults.insert(i);
    World world(smaller);
    world.run();
    if (!world.violations().empty()) {
      failing = smaller;
    }
  }
  return failing;
}

std::string replay_command(const Options& options) {
  std::string command = program + " --seed=" + std::to_string(options.seed) + " --mode=" + mode_name(options.mode);
  for (const MutationCase& each : mutation_cases()) {
    command += each.mutation == options.mutation ? " --mutation=" + std::string(each.name) : "";
  }
  std::string drop;
  for (const int fault : options.dropped_faults) {
    drop += (drop.empty() ? " --drop=" : ",") + std::to_string(fault);
  }
  return command + drop + " --trace";
}

void print_failure(const World& world) {
  for (const std::string& violation : world.violations()) {
    std::cout << "  " << violation << "\n";
  }
  std::cout << "replay with: " << replay_command(world.options) << std::endl;
}

void add(World::Counts& total, const World::Counts& one) {
  total.runs += one.runs;
  total.succeeded += one.succeeded;
  total.failed += one.failed;
  total.cancelled += one.cancelled;
  total.controller_crashes += one.controller_crashes;
  total.agent_crashes += one.agent_crashes;
  total.machine_losses += one.machine_losses;
  total.reboots += one.reboots;
  total.checkpoints += one.checkpoints;
  total.retries += one.retries;
  total.stale_refused += one.stale_refused;
  total.torn_kept += one.torn_kept;
  total.torn_records += one.torn_records;
  total.waits_told += one.waits_told;
  total.partitions += one.partitions;
  total.cache_hits += one.cache_hits;
  total.reruns += one.reruns;
  total.taken_over += one.taken_over;
  total.resumed_reruns += one.resumed_reruns;
  total.drains += one.drains;
  total.cordons += one.cordons;
  total.low_disks += one.low_disks;
  total.events += one.events;
}

bool run_seed(const Options& options, bool twice, World::Counts& total) {
  World world(options);
  world.run();
  if (!world.violations().empty()) {
    std::cout << "seed " << options.seed << " fails:\n";
    print_failure(world);
    if (const Options smaller = shrink(options); !smaller.dropped_faults.empty()) {
      std::cout << "with fewer faults: " << replay_command(smaller) << std::endl;
    }
    return false;
  }
  if (twice) {
    World again(options);
    again.run();
    if (again.final_hash() != world.final_hash()) {
      std::cout << "seed " << options.seed << " ends differently when run again: something depends on more than it\n";
      return false;
    }
  }
  add(total, world.counts);
  return true;
}

// Faults that the simulation means to make must really happen, or a green result says nothing.
bool covers(const World::Counts& total) {
  return total.succeeded > 0 && total.failed > 0 && total.cancelled > 0 && total.controller_crashes > 0 &&
         total.agent_crashes > 0 && total.machine_losses > 0 && total.reboots > 0 && total.checkpoints > 0 &&
         total.retries > 0 && total.stale_refused > 0 && total.torn_kept > 0 && total.torn_records > 0 &&
         total.waits_told > 0 && total.partitions > 0 && total.cache_hits > 0 && total.reruns > 0 &&
         total.taken_over > 0 && total.resumed_reruns > 0 && total.drains > 0 && total.cordons > 0 &&
         total.low_disks > 0;
}

void print_counts(const World::Counts& total) {
  std::cout << total.runs << " runs (" << total.succeeded << " succeeded, " << total.failed << " failed, "
            << total.cancelled << " cancelled), " << total.events << " events, " << total.checkpoints
            << " checkpoints, " << total.retries << " retries, " << total.waits_told << " long waits, "
            << total.controller_crashes << " controller crashes, " << total.torn_kept << " torn commits kept, "
            << total.agent_crashes << " agent crashes, " << total.reboots << " reboots, " << total.torn_records
            << " torn records, " << total.machine_losses << " machines lost, " << total.partitions << " partitions, "
            << total.stale_refused << " superseded attempts stopped, " << total.cache_hits << " steps reused, "
            << total.reruns << " reruns that took " << total.taken_over
            << " steps over and went on from the checkpoints of " << total.resumed_reruns << ", " << total.cordons
            << " cordons, " << total.drains << " drains, " << total.low_disks << " times short of disk\n";
}

// Each line: SEED MODE, and why after a '#'.
bool run_regressions(World::Counts& total) {
  std::ifstream file(LUTHIER_SOURCE_DIR "/tests/simulation/seeds.txt");
  if (!file) {
    std::cout << "tests/simulation/seeds.txt is missing\n";
    return false;
  }
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::uint64_t seed = 0;
    std::string mode;
    if (words >> seed >> mode &&
        !run_seed({.seed = seed, .mode = mode == "safety" ? Mode::kSafety : Mode::kLiveness}, true, total)) {
      return false;
    }
  }
  return true;
}

int run_seeds(std::uint64_t start, std::uint64_t count, std::optional<Mode> mode) {
  World::Counts total;
  if (!run_regressions(total)) {
    return EXIT_FAILURE;
  }
  for (std::uint64_t seed = start; seed < start + count; ++seed) {
    const Mode chosen = mode.value_or(seed % 4 == 0 ? Mode::kSafety : Mode::kLiveness);
    if (!run_seed({.seed = seed, .mode = chosen}, seed % 50 == 0, total)) {
      return EXIT_FAILURE;
    }
  }
  std::cout << count << " seeds: ";
  print_counts(total);
  if (count >= 300 && !mode && !covers(total)) {
    std::cout << "some kind of fault or ending never happened\n";
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int run_one(const Options& options) {
  World world(options);
  world.run();
  if (!world.violations().empty()) {
    print_failure(world);
    return EXIT_FAILURE;
  }
  std::cout << "seed " << options.seed << " is fine; final hash " << world.final_hash() << "\n";
  return EXIT_SUCCESS;
}

bool is_caught(const MutationCase& expected) {
  for (std::uint64_t seed = 1; seed <= kMutationSeedsMax; ++seed) {
    const Mode mode = seed % 2 == 0 ? Mode::kSafety : Mode::kLiveness;
    World world({.seed = seed, .mode = mode, .mutation = expected.mutation});
    world.run();
    for (const std::string& violation : world.violations()) {
      if (violation.starts_with(expected.expected)) {
        std::printf("%-22s seed %3llu %-8s after %4llu events  %s\n", std::string(expected.name).c_str(),
                    static_cast<unsigned long long>(seed), mode_name(mode).c_str(),
                    static_cast<unsigned long long>(world.counts.events), violation.c_str());
        return true;
      }
    }
  }
  std::printf("%-22s NOT caught as \"%s\" (%s)\n", std::string(expected.name).c_str(),
              std::string(expected.expected).c_str(), std::string(expected.what).c_str());
  return false;
}

int run_mutations() {
  bool all = true;
  for (const MutationCase& expected : mutation_cases()) {
    all = is_caught(expected) && all;
  }
  return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

std::optional<std::string_view> after(std::string_view argument, std::string_view prefix) {
  return argument.starts_with(prefix) ? std::optional(argument.substr(prefix.size())) : std::nullopt;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

struct Command {
  std::uint64_t start = 1;
  std::uint64_t count = 1'000;
  std::optional<Mode> mode;
  std::optional<std::uint64_t> seed;
  bool mutations = false;
  Options options;
};

bool take(std::string_view argument, Command& command) {
  if (argument == "--mutations") {
    return command.mutations = true;
  }
  if (argument == "--trace") {
    return command.options.trace = true;
  }
  if (const auto mode = after(argument, "--mode=")) {
    if (*mode != "both") {
      command.mode = *mode == "safety" ? Mode::kSafety : Mode::kLiveness;
    }
    return *mode == "both" || *mode == "safety" || *mode == "liveness";
  }
  if (const auto name = after(argument, "--mutation=")) {
    for (const MutationCase& each : mutation_cases()) {
      command.options.mutation = each.name == *name ? each.mutation : command.options.mutation;
    }
    return command.options.mutation != Mutation::kNone;
  }
  if (const auto faults = after(argument, "--drop=")) {
    std::istringstream list{std::string(*faults)};
    for (std::string each; std::getline(list, each, ',');) {
      command.options.dropped_faults.insert(static_cast<int>(number(each).value_or(0)));
    }
    return true;
  }
  const auto take_number = [&](std::string_view prefix, auto& value) {
    const auto text = after(argument, prefix);
    const auto parsed = text ? number(*text) : std::nullopt;
    if (parsed) {
      value = *parsed;
    }
    return parsed.has_value();
  };
  return take_number("--seed=", command.seed) || take_number("--seeds=", command.count) ||
         take_number("--start=", command.start);
}

}  // namespace
}  // namespace luthier::simulation

int main(int argc, char** argv) {
  using namespace luthier::simulation;
  program = argv[0];
  Command command;
  for (int i = 1; i < argc; ++i) {
    if (!take(argv[i], command)) {
      std::cerr << "usage: simulation [--seeds=N] [--start=M] [--mode=liveness|safety|both]\n"
                   "       simulation --seed=N [--mode=...] [--mutation=NAME] [--drop=FAULT,...] [--trace]\n"
                   "       simulation --mutations\n";
      return EXIT_FAILURE;
    }
  }
  if (command.mutations) {
    return run_mutations();
  }
  if (command.seed) {
    command.options.seed = *command.seed;
    command.options.mode = command.mode.value_or(Mode::kLiveness);
    return run_one(command.options);
  }
  return run_seeds(command.start, command.count, command.mode);
}
