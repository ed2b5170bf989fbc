// What one simulated world is like. Everything else follows from the seed.
#pragma once

#include <cstdint>
#include <set>

namespace luthier::simulation {

enum class Mode {
  kLiveness,  // faults stop after a while; then everything must end within a bound
  kSafety,    // faults never stop; only what must never happen is checked
};

// Deliberate breakages, to show that the checkers catch them (mutations.h has the list with words).
enum class Mutation {
  kNone,
  kStaleAsCurrent,
  kSecondAssignment,
  kDuplicateSuccess,
  kDoubleGrant,
  kOversell,
  kReleaseEarly,
  kAgentReleasesEarly,
  kResumeFromStart,
  kCheckpointRegression,
  kForgetEvent,
  kDivergeReplay,
  kSnapshotLosesPause,
  kTornTransaction,
  kEffectBeforeCommit,
  kAcknowledgeUnread,
  kLostTimer,
  kForgetRelease,
  kForgetCancel,
  kKeepServing,
  kDecideEarly,
  kRetryBudgetIgnored,
  kCrashLimitIgnored,
  kGraceIgnored,
  kLostOutboxRow,
  kDoubleOutboxRow,
  kStaleTelemetry,
  kLogOffsetIgnored,
  kLogTailForgotten,
  kStaleReason,
  kHiddenRoom,
  kStartTwice,
  kHalfGang,
  kGangCommitsEarly,
  kTwistApproval,
  kHitAcrossKeys,
  kTakeOtherOutputs,
  kTakeFailed,
  kTakeDeleted,
  kGoOnFromOthers,
  kForgetOrigin,
  kCommandBeforeWelcome,
};

struct Options {
  std::uint64_t seed = 1;
  Mode mode = Mode::kLiveness;
  Mutation mutation = Mutation::kNone;
  bool trace = false;            // print every input, command and fault
  std::set<int> dropped_faults;  // of the schedule, by number; found by shrinking
};

// Chances are per mille of each occasion; times in milliseconds of simulated time.
inline constexpr int kCommitCrashPerMille = 3;
inline constexpr int kEffectCrashPerMille = 1;
inline constexpr int kDropPerMille = 10;
inline constexpr int kDuplicatePerMille = 40;
inline constexpr int kReorderPerMille = 60;
inline constexpr std::int64_t kFaultsEndMs = 90'000;
inline constexpr std::int64_t kWorldEndMs = kFaultsEndMs + 45 * 60'000;
inline constexpr std::int64_t kSafetyEndMs = 240'000;
inline constexpr std::int64_t kSilenceMs = 10'000;

}  // namespace luthier::simulation
