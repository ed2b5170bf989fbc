#include "controller/core/forecast.h"

#include <algorithm>

#include "controller/core/internal.h"
#include "pipelines/plan/expression.h"

namespace luthier::core {
namespace {

using internal::join;

std::string names_of(const std::vector<StepId>& steps) {
  constexpr std::size_t kNamesMax = 4;  // in one sentence
  std::vector<std::string> names;
  for (const StepId& step : steps) {
    if (names.size() == kNamesMax) {
      names.push_back(std::to_string(steps.size() - kNamesMax) + " more");
      break;
    }
    names.push_back(step.value);
  }
  return join(names, " and ");
}

class Forecaster {
 public:
  Forecaster(const State& state, const plan::Plan& plan) : state_(state) {
    run_.plan.pipeline = plan.pipeline;
    run_.plan.params = plan.params;
    for (const plan::Step& step : plan.steps) {
      run_.steps.emplace(step.id, LiveStep{});
    }
  }

  StepForecast decide(const plan::Step& step) {
    StepForecast found{.step = step.id};
    const Json scope = internal::make_scope(run_, RunId{"r-0"}, step);
    if (holds(step, scope, found) && resolve(step, scope, found)) {
      look_up(step, found);
    }
    const bool skipped = found.decision == StepForecast::Decision::kSkip;
    const bool failed = found.decision == StepForecast::Decision::kFail;
    end(step.id, skipped ? StepStatus::kSkipped : failed ? StepStatus::kFailed : StepStatus::kSucceeded);
    return found;
  }

 private:
  void end(const StepId& step, StepStatus status) {
    run_.steps.at(step).status = status;
    if (status == StepStatus::kSucceeded && !known_.contains(step)) {
      open_.insert(step);
    }
  }

  // Of these steps (or, by the name of a matrix, their members), those among `needs` whose outputs are not there yet.
  [[nodiscard]] std::vector<StepId> open_among(const std::vector<StepId>& needs,
                                               const std::vector<std::string>& named) const {
    std::vector<StepId> found;
    for (const StepId& need : needs) {
      const bool is_named = std::any_of(named.begin(), named.end(), [&need](const std::string& name) {
        return need.value == name || need.value.starts_with(name + "[");
      });
      if (is_named && open_.contains(need)) {
        found.push_back(need);
      }
    }
    return found;
  }

  // Whether the step is to be done at all; otherwise `found` says why not, or what that hangs on.
  bool holds(const plan::Step& step, const Json& scope, StepForecast& found) const {
    if (step.condition.empty()) {
      for (const StepId& need : step.needs) {
        if (const StepStatus status = run_.steps.at(need).status; status != StepStatus::kSucceeded) {
          found.decision = StepForecast::Decision::kSkip;
          found.why = need.value + (status == StepStatus::kFailed ? " would fail" : " is skipped");
          return false;
        }
      }
      return true;
    }
    const Result<std::vector<std::string>> named =
        plan::steps_in_expression(step.condition, {{"params", run_.plan.params}, {"matrix", step.matrix}});
    found.waits_for = named ? open_among(step.needs, *named) : std::vector<StepId>();
    const Result<bool> holds = internal::condition_holds(step, scope);
    if (!found.waits_for.empty() && !(holds && *holds)) {
      found.decision = StepForecast::Decision::kOpen;
      found.why = "`if: " + step.condition + "` is decided by " + names_of(found.waits_for);
      return false;
    }
    if (!holds) {
      found.decision = StepForecast::Decision::kFail;
      found.why = holds.error().message;
      return false;
    }
    if (!*holds) {
      found.decision = StepForecast::Decision::kSkip;
      found.why = "`if: " + step.condition + "` is false";
    }
    return *holds;
  }

  // Fills in `with`, `open` and `waits_for`; false when an input cannot be resolved.
  bool resolve(const plan::Step& step, const Json& scope, StepForecast& found) {
    plan::Step known = step;
    std::set<StepId> waits;
    for (const auto& [name, value] : step.with.items()) {
      const Result<std::vector<std::string>> named =
          plan::referenced_steps(value, {{"params", run_.plan.params}, {"matrix", step.matrix}});
      const std::vector<StepId> open = named ? open_among(step.needs, *named) : std::vector<StepId>();
      if (!open.empty()) {
        waits.insert(open.begin(), open.end());
        found.open.push_back(name);
        known.with.erase(name);
      }
    }
    found.waits_for.assign(waits.begin(), waits.end());
    Result<Json> with = internal::resolve_inputs(state_, run_, known, scope);
    if (!with) {
      found.decision = StepForecast::Decision::kFail;
      found.why = with.error().message;
      return false;
    }
    found.with = std::move(*with);
    return true;
  }

  void look_up(const plan::Step& step, StepForecast& found) {
    if (step.place == plan::Place::kController) {
      found.decision = StepForecast::Decision::kController;
      found.why = "the controller does it, each time";
      if (found.open.empty()) {
        const std::optional<internal::StepEnd> end = internal::run_pure_step(step, found.with);
        if (end && end->succeeded) {
          give(step.id, end->outputs);
        }
      }
      return;
    }
    found.decision = StepForecast::Decision::kRun;
    if (!found.open.empty()) {
      found.cache = internal::cache_outlook(state_, run_.plan.pipeline, step, found.with, found.open);
      found.why = found.cache.contains("off")
                      ? "it is never reused (" + found.cache["off"].get<std::string>() + ")"
                      : "runs after " + names_of(found.waits_for) +
                            (found.cache.contains("nearest") ? ", unless the outputs are then those of before" : "");
      return;
    }
    found.cache = internal::cache_lookup(state_, run_.plan.pipeline, step, found.with);
    if (const CachedOutputs* hit = internal::cache_hit(state_, found.cache)) {
      found.decision = StepForecast::Decision::kReuse;
      found.why = "run " + hit->run.value + " made its outputs from the same";
      give(step.id, hit->outputs);
    } else if (found.cache.contains("off")) {
      found.why = "it is never reused (" + found.cache["off"].get<std::string>() + ")";
    } else if (found.cache.contains("nearest")) {
      found.why = "differs from run " + found.cache["nearest"]["run"].get<std::string>();
    } else {
      found.why = "no earlier run of this pipeline that is still remembered has made its outputs";
    }
  }

  void give(const StepId& step, const Json& outputs) {
    known_.insert(step);
    run_.steps.at(step).outputs = outputs;
  }

  const State& state_;
  LiveRun run_;             // as the run would look
  std::set<StepId> known_;  // outputs are there
  std::set<StepId> open_;   // succeeded, as is supposed, with outputs that are not known yet
};

}  // namespace

std::string to_string(StepForecast::Decision decision) {
  switch (decision) {
    case StepForecast::Decision::kReuse: return "reuse";
    case StepForecast::Decision::kRun: return "run";
    case StepForecast::Decision::kController: return "controller";
    case StepForecast::Decision::kSkip: return "skip";
    case StepForecast::Decision::kOpen: return "open";
    case StepForecast::Decision::kFail: return "fail";
  }
  LUTHIER_CHECK(false);
}

std::vector<StepForecast> forecast(const State& state, const plan::Plan& plan) {
  Forecaster forecaster(state, plan);
  std::vector<StepForecast> found;
  for (const plan::Step& step : plan.steps) {
    found.push_back(forecaster.decide(step));
  }
  return found;
}

}  // namespace luthier::core
