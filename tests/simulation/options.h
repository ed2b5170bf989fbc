// What one simulated world is like. Everything else follows from the seed.
#pragma once

#include <cstdint>

namespace luthier::simulation {

// Deliberate breakages, to show that the checkers catch them.
enum class Mutation {
  kNone,
  kStaleAsCurrent,     // fencing off: a superseded attempt's reports are fed as the newest attempt's (invariant 2)
  kReleaseEarly,       // resources are free again when a stop is sent, not when the process is dead (4)
  kResumeFromStart,    // agents are told to start over although a checkpoint is committed (7)
  kForgetEvent,        // one event in fifty is not journaled (10)
  kAcknowledgeUnread,  // ends of attempts are acknowledged and lost (12)
};

struct Options {
  std::uint64_t seed = 1;
  Mutation mutation = Mutation::kNone;
  bool trace = false;  // print every input, command and fault
};

// Chances are per mille of each occasion; times in milliseconds of simulated time.
inline constexpr int kCommitCrashPerMille = 3;
inline constexpr int kDropPerMille = 10;
inline constexpr int kDuplicatePerMille = 40;
inline constexpr int kReorderPerMille = 60;
inline constexpr std::uint64_t kSnapshotEvery = 13;  // commits
inline constexpr std::int64_t kFaultsEndMs = 90'000;
inline constexpr std::int64_t kWorldEndMs = kFaultsEndMs + 45 * 60'000;
inline constexpr std::int64_t kSilenceMs = 10'000;

}  // namespace luthier::simulation
