#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/core.h"

namespace luthier::agents {
namespace {

struct Case {
  const char* what;
  const char* uses;
  ExitRecord exit;
  std::optional<StopReason> stop;
  Outcome outcome;
  const char* code;
};

TEST(ClassifyExit, FollowsTheWorkerProtocol) {
  const ExitRecord result{.has_result = true};
  const ExitRecord user{.exit_code = 1, .error_class = FailureClass::kUser, .error_code = "invalid_data"};
  const ExitRecord infrastructure{
      .exit_code = 2, .error_class = FailureClass::kInfrastructure, .error_code = "out_of_memory"};
  const ExitRecord killed{.exit_code = -1, .signal = 9};
  const std::vector<Case> cases{
      {"a result", "train", result, {}, Outcome::kSucceeded, ""},
      {"a user error", "train", user, {}, Outcome::kUserFailure, "invalid_data"},
      {"an infrastructure error", "train", infrastructure, {}, Outcome::kInfrastructureFailure, "out_of_memory"},
      {"killed by somebody", "train", killed, {}, Outcome::kInfrastructureFailure, "killed"},
      {"silence", "train", {}, {}, Outcome::kInfrastructureFailure, "no_result"},
      {"a result, then a crash",
       "train",
       {.exit_code = 3, .has_result = true},
       {},
       Outcome::kInfrastructureFailure,
       "no_result"},
      {"a user error with another status",
       "train",
       {.exit_code = 134, .error_class = FailureClass::kUser, .error_code = "x"},
       {},
       Outcome::kInfrastructureFailure,
       "x"},
      {"no record", "train", {.recorded = false}, {}, Outcome::kInfrastructureFailure, "shim_lost"},
      {"stopped", "train", {}, StopReason::kCancelled, Outcome::kStopped, "stopped"},
      {"stopped by KILL", "train", killed, StopReason::kSuperseded, Outcome::kStopped, "stopped"},
      {"timed out", "train", killed, StopReason::kTimedOut, Outcome::kTimedOut, "timeout"},
      {"finished just before the stop", "train", result, StopReason::kTimedOut, Outcome::kSucceeded, ""},
      {"a command that ends well", "run", {}, {}, Outcome::kSucceeded, ""},
      {"a command that fails", "run", {.exit_code = 3}, {}, Outcome::kUserFailure, "exit_status"},
      {"a command that crashes", "run", {.exit_code = -1, .signal = 11}, {}, Outcome::kUserFailure, "signal"},
      {"a command that is killed", "run", killed, {}, Outcome::kInfrastructureFailure, "killed"},
      {"a command that fails after its result",
       "run",
       {.exit_code = 1, .has_result = true},
       {},
       Outcome::kUserFailure,
       "exit_status"},
      {"a command that ends well when stopped", "run", {}, StopReason::kCancelled, Outcome::kStopped, "stopped"},
      {"a command without a record", "run", {.recorded = false}, {}, Outcome::kInfrastructureFailure, "shim_lost"},
  };
  for (const Case& each : cases) {
    const Classified got = classify_exit({.uses = each.uses, .timeout = milliseconds{5'000}}, each.exit, each.stop);
    EXPECT_EQ(got.outcome, each.outcome) << each.what;
    EXPECT_EQ(got.error_code, each.code) << each.what;
  }
}

}  // namespace
}  // namespace luthier::agents
