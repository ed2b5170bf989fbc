#include <algorithm>
#include <utility>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

// A fixed pseudo-random number in [0, 1) for this attempt: the same in replay, different between attempts.
double jitter(std::uint64_t seed, const AttemptId& attempt) {
  std::uint64_t z = seed;
  for (const char c : to_string(attempt)) {
    z = (z ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

// Doubles from backoff_min to backoff_max, then takes between half and all of it.
std::int64_t backoff_ms(const plan::Retry& budget, int earlier_pauses, double random) {
  double pause = static_cast<double>(budget.backoff_min.count());
  const double most = static_cast<double>(std::max(budget.backoff_min, budget.backoff_max).count());
  for (int i = 0; i < earlier_pauses && pause < most; ++i) {
    pause *= 2;
  }
  return static_cast<std::int64_t>(std::min(pause, most) * (0.5 + random / 2));
}

std::string times(int count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

std::string agents_text(const std::vector<AgentId>& agents) {
  std::vector<std::string> names;
  for (const AgentId& agent : agents) {
    names.push_back(agent.value);
  }
  return join(names, ", ");
}

}  // namespace

Verdict judge_failure(const State& state, const AttemptId& attempt, const LiveStep& step, const plan::Retry& budget,
                      const Failure& failure, Now now) {
  const double random = jitter(state.seed, attempt);
  if (failure.outcome == Outcome::kInfrastructureFailure) {
    if (std::cmp_greater_equal(step.crashed_on.size(), state.options.crash_limit)) {
      return {.code = "crash_limit",
              .message = "stopped: its attempts died on " + std::to_string(step.crashed_on.size()) +
                         " different agents (" + agents_text(step.crashed_on) +
                         "), so it may be what ends them; the last: " + failure.message};
    }
    if (step.infrastructure_failures > budget.infrastructure) {
      return {.code = failure.code,
              .message = failure.message + " (failed " + times(step.infrastructure_failures) +
                         " by infrastructure; retry.infrastructure is " + std::to_string(budget.infrastructure) + ")"};
    }
    // The first loss is nobody's fault: another agent may take over at once.
    const int count = step.infrastructure_failures;
    const std::int64_t pause = count <= 1 ? 0 : backoff_ms(budget, count - 2, random);
    return {.retry = true, .not_before_wall_ms = now.wall_ms + pause, .code = {}, .message = {}};
  }
  if (failure.outcome == Outcome::kPreempted) {
    if (step.preemptions > budget.preemption) {
      return {.code = failure.code,
              .message = failure.message + " (moved " + times(step.preemptions) + "; retry.preemption is " +
                         std::to_string(budget.preemption) + ")"};
    }
    return {.retry = true, .not_before_wall_ms = now.wall_ms, .code = {}, .message = {}};  // nothing is wrong with it
  }
  if (step.user_failures > budget.user) {
    return {.code = failure.code.empty() ? to_string(failure.outcome) : failure.code, .message = failure.message};
  }
  const std::int64_t pause = backoff_ms(budget, step.user_failures - 1, random);
  return {.retry = true, .not_before_wall_ms = now.wall_ms + pause, .code = {}, .message = {}};
}

plan::Retry retry_of(const State& state, const RunId& run, const StepId& step) {
  if (const plan::Step* planned = find_plan_step(state, run, step)) {
    return planned->retry;
  }
  return plan::Retry{.infrastructure = state.options.serving_retries, .user = 0};
}

bool is_due(const LiveStep& step, const plan::Retry& budget, Now now) {
  const std::int64_t longest = std::max(budget.backoff_min, budget.backoff_max).count();
  return now.wall_ms >= step.not_before_wall_ms || now.wall_ms + longest < step.not_before_wall_ms;
}

}  // namespace luthier::core::internal
