#include "controller/attempt_index.h"

#include <mutex>
#include <type_traits>

namespace luthier::controller {

void AttemptIndex::reset(const core::State& state) {
  const std::unique_lock lock(mutex_);
  newest_.clear();
  const auto consider = [this](const RunId& run, const StepId& step, const core::LiveStep& live) {
    if (live.attempt_number > 0 && !core::is_terminal(live.status)) {
      newest_[run][step] = live.attempt_number;
    }
  };
  for (const auto& [id, run] : state.runs) {
    for (const auto& [step, live] : run.steps) {
      consider(id, step, live);
    }
  }
  for (const auto& [id, deployment] : state.deployments) {
    consider(id, core::serve_step(), deployment.serve);
  }
}

void AttemptIndex::apply(const core::Event& event) {
  const std::unique_lock lock(mutex_);
  std::visit(
      [this](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, core::AttemptAssigned>) {
          newest_[one.attempt.run][one.attempt.step] = one.attempt.number;
        } else if constexpr (std::is_same_v<T, core::StepSucceeded> || std::is_same_v<T, core::StepFailed> ||
                             std::is_same_v<T, core::StepCancelled> || std::is_same_v<T, core::StepSkipped>) {
          if (const auto run = newest_.find(one.run); run != newest_.end()) {
            run->second.erase(one.step);
          }
        } else if constexpr (std::is_same_v<T, core::RunFinished>) {
          newest_.erase(one.run);
        } else if constexpr (std::is_same_v<T, core::DeploymentStopped>) {
          newest_.erase(one.deployment);
        }
      },
      event);
}

bool AttemptIndex::is_current(const AttemptId& attempt) const {
  const std::shared_lock lock(mutex_);
  const auto run = newest_.find(attempt.run);
  if (run == newest_.end()) {
    return false;
  }
  const auto step = run->second.find(attempt.step);
  return step != run->second.end() && step->second == attempt.number;
}

}  // namespace luthier::controller
