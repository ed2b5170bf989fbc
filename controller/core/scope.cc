#include <algorithm>

#include "controller/core/internal.h"
#include "pipelines/plan/expression.h"

namespace luthier::core::internal {
namespace {

Json step_value(const LiveStep& step) {
  const bool succeeded = step.status == StepStatus::kSucceeded;
  return Json{{"status", to_string(step.status)}, {"outputs", succeeded ? step.outputs : Json()}};
}

// Resolves one input that names a model. `baseline` may name what does not exist yet: nothing to beat.
Result<Json> resolve_model_input(const State& state, const LiveRun& run, const std::string& key, const Json& value) {
  if (value.is_null()) {
    return value;
  }
  if (!value.is_string()) {
    LUTHIER_TRY(const ModelWeights weights, weights_of(value));
    if (value.contains("base")) {
      return value;
    }
    return model_value(weights, "", 0);
  }
  Result<ResolvedModel> resolved = resolve_model(state, value.get<std::string>(), run.plan.pipeline);
  if (!resolved) {
    if (key == "baseline" && resolved.error().code == ErrorCode::kNotFound) {
      return Json();
    }
    return std::move(resolved).error();
  }
  return model_value(resolved->weights, resolved->model, resolved->version);
}

}  // namespace

Json make_scope(const LiveRun& run, const RunId& id, const plan::Step& step) {
  Json steps = Json::object();
  Json needs = Json::array();
  for (const StepId& need : step.needs) {
    const LiveStep& live = run.steps.at(need);
    steps[need.value] = step_value(live);
    needs.push_back(Json{{"id", need.value}, {"status", to_string(live.status)}});
  }
  return Json{{"params", run.plan.params},
              {"matrix", step.matrix},
              {"steps", std::move(steps)},
              {"run", {{"id", id.value}, {"pipeline", run.plan.pipeline}, {"commit", run.plan.commit}}},
              {"needs", std::move(needs)}};
}

Result<bool> condition_holds(const plan::Step& step, const Json& scope) {
  const Result<Json> value = plan::evaluate(step.condition, scope);
  Result<bool> truth = value ? plan::truth_of(*value) : Result<bool>(value.error());
  if (!truth) {
    return std::move(truth).error().with("step " + step.id.value + ", `if: " + step.condition + "`");
  }
  return *truth;
}

Result<Json> resolve_inputs(const State& state, const LiveRun& run, const plan::Step& step, const Json& scope) {
  auto substituted = plan::substitute(step.with, scope);
  if (!substituted) {
    return std::move(substituted).error().with("step " + step.id.value + ", `with`");
  }
  Json with = std::move(*substituted);
  if (auto checked = plan::check_inputs(step.uses, with); !checked) {
    return std::move(checked).error().with("step " + step.id.value);
  }
  for (const std::string& key : plan::model_inputs(step.uses)) {
    if (with.contains(key)) {
      Result<Json> value = resolve_model_input(state, run, key, with[key]);
      if (!value) {
        return std::move(value.error()).with("`with." + key + "`");
      }
      with[key] = std::move(value).value();
    }
  }
  return with;
}

}  // namespace luthier::core::internal
