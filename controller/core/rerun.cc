#include "controller/core/rerun.h"

#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core {
namespace {

bool is_named(const plan::Step& step, const std::string& name) {
  return !name.empty() && (step.id.value == name || step.name == name);
}

Error no_such_step(const plan::Plan& plan, const std::string& name) {
  std::vector<std::string> known;
  for (const plan::Step& step : plan.steps) {
    if (std::find(known.begin(), known.end(), step.name) == known.end()) {
      known.push_back(step.name);
    }
  }
  const std::string near = internal::did_you_mean(name, known);
  return {ErrorCode::kNotFound, "the run has no step '" + name + "'" + (near.empty() ? "." : near) +
                                    " Its steps: " + internal::join(known, ", ")};
}

}  // namespace

Result<Rerun> make_rerun(const plan::Plan& plan, const std::map<StepId, EndedStep>& ended, const std::string& from) {
  if (!from.empty() &&
      std::none_of(plan.steps.begin(), plan.steps.end(), [&](const auto& step) { return is_named(step, from); })) {
    return no_such_step(plan, from);
  }
  Rerun rerun;
  for (const plan::Step& step : plan.steps) {  // needs come first
    const auto is_in = [&step](const std::set<StepId>& steps) {
      return std::any_of(step.needs.begin(), step.needs.end(),
                         [&](const StepId& need) { return steps.contains(need); });
    };
    const auto found = ended.find(step.id);
    const EndedStep before = found == ended.end() ? EndedStep{} : found->second;
    const bool succeeded = before.status == StepStatus::kSucceeded && !before.outputs_gone;
    if (is_named(step, from) || is_in(rerun.from_now)) {
      rerun.from_now.insert(step.id);
    }
    if (rerun.from_now.contains(step.id) || is_in(rerun.anew) ||
        (!succeeded && before.status != StepStatus::kSkipped)) {
      rerun.anew.insert(step.id);
      if (!succeeded && !before.reached.checkpoints.empty() && !rerun.from_now.contains(step.id)) {
        rerun.unfinished.emplace(step.id, before.reached);
      }
    } else if (succeeded) {
      rerun.taken_over.emplace(step.id, before.made);
    }
  }
  if (rerun.anew.empty()) {
    return Error{ErrorCode::kFailedPrecondition,
                 "every step of the run succeeded or was skipped by its condition, so there is nothing to run again; "
                 "name the step to start over from"};
  }
  return rerun;
}

}  // namespace luthier::core
