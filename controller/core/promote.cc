#include <optional>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

StepEnd failed(std::string code, std::string message) {
  return {.succeeded = false, .outputs = {}, .code = std::move(code), .message = std::move(message)};
}

std::string name_of(const State& state, const RunId& run, const Json& with) {
  const Json name = with.value("name", Json());
  return name.is_string() && !name.get_ref<const std::string&>().empty() ? name.get<std::string>()
                                                                         : state.runs.at(run).plan.pipeline;
}

// Evaluations that this step rests on, nearest last.
std::vector<const plan::Step*> evaluations_before(const LiveRun& run, const plan::Step& step) {
  std::set<StepId> wanted(step.needs.begin(), step.needs.end());
  std::vector<const plan::Step*> found;
  for (auto each = run.plan.steps.rbegin(); each != run.plan.steps.rend(); ++each) {
    if (!wanted.contains(each->id)) {
      continue;
    }
    wanted.insert(each->needs.begin(), each->needs.end());
    if (each->uses == "eval" && run.steps.at(each->id).status == StepStatus::kSucceeded) {
      found.insert(found.begin(), &*each);
    }
  }
  return found;
}

Json evaluated_metrics(const LiveRun& run, const plan::Step& step) {
  const std::vector<const plan::Step*> evaluations = evaluations_before(run, step);
  if (evaluations.empty()) {
    return Json::object();
  }
  const Json metrics = run.steps.at(evaluations.back()->id).outputs.value("metrics", Json::object());
  return metrics.is_object() ? metrics : Json::object();
}

// The version that the alias had when an evaluation took it as baseline (0: none); absent when none did.
std::optional<int> evaluated_baseline(const LiveRun& run, const plan::Step& step, const std::string& name,
                                      const std::string& alias) {
  std::optional<int> version;
  for (const plan::Step* evaluation : evaluations_before(run, step)) {
    const Json asked = evaluation->with.value("baseline", Json());
    const bool same = asked == name + "@" + alias || (asked == "alias:" + alias && name == run.plan.pipeline);
    if (same) {
      const Json got = run.steps.at(evaluation->id).with.value("baseline", Json());
      version = got.is_object() ? got.value("version", 0) : 0;
    }
  }
  return version;
}

// What the alias must still point at.
std::optional<int> expected_version(const State& state, const LiveRun& run, const plan::Step& step, const Json& with,
                                    const std::string& name, const std::string& alias) {
  const Json expect = with.value("expect", Json());
  if (expect.is_number_integer()) {
    return expect.get<int>();
  }
  if (expect.is_object() && expect.contains("version")) {
    return expect["version"].get<int>();
  }
  if (expect.is_string()) {  // a digest, of the adapter or of the whole model
    const auto found = state.models.find(name);
    const int current = alias_version(state, name, alias);
    if (found != state.models.end() && current != 0) {
      const ModelWeights& weights = found->second.versions.at(current).weights;
      return expect == (weights.adapter.empty() ? weights.base : weights.adapter) ? current : -1;
    }
    return -1;
  }
  return evaluated_baseline(run, step, name, alias);
}

std::string version_text(int version) {
  return version > 0 ? "version " + std::to_string(version) : version == 0 ? "no version" : "another version";
}

ModelRegistered candidate(const State& state, const RunId& run, const plan::Step& step, const Json& with,
                          ModelWeights weights) {
  const LiveRun& live = state.runs.at(run);
  return {.model = name_of(state, run, with),
          .weights = std::move(weights),
          .lineage = {{"run", run.value}, {"step", step.id.value}, {"pipeline", live.plan.pipeline}},
          .metrics = evaluated_metrics(live, step),
          .description = with.value("description", std::string())};
}

}  // namespace

StepEnd run_register(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  Result<ModelWeights> weights = weights_of(with.value("model", Json()));
  if (!weights) {
    return failed("invalid_input", "`with.model`: " + weights.error().message);
  }
  const std::string name = name_of(turn.state, run, with);
  const int version = register_weights(turn, candidate(turn.state, run, step, with, *weights));
  const Json aliases = with.value("aliases", Json::array());
  for (const Json& alias : aliases) {
    move_alias(turn,
               AliasMoved{.model = name,
                          .alias = alias.get<std::string>(),
                          .to_version = version,
                          .by = run.value,
                          .reason = "step " + step.id.value},
               Json{{"run", run.value}, {"step", step.id.value}});
  }
  return {.succeeded = true,
          .outputs = {{"model", model_value(*weights, name, version)}, {"name", name}, {"version", version}},
          .code = {},
          .message = {}};
}

StepEnd run_promote(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  Result<ModelWeights> weights = weights_of(with.value("model", Json()));
  if (!weights) {
    return failed("invalid_input", "`with.model`: " + weights.error().message);
  }
  const std::string alias = with.value("alias", std::string());
  if (alias.empty()) {
    return failed("invalid_input", "`with.alias` is empty; say which alias to move, such as production");
  }
  const std::string name = name_of(turn.state, run, with);
  const int current = alias_version(turn.state, name, alias);
  const std::optional<int> expected = expected_version(turn.state, turn.state.runs.at(run), step, with, name, alias);
  if (expected && *expected != current) {
    return failed("alias_moved", "alias '" + alias + "' of '" + name + "' moved since the evaluation: compared with " +
                                     version_text(*expected) + ", it now points at " + version_text(current) +
                                     "; evaluate against that one and promote again");
  }
  const int version = register_weights(turn, candidate(turn.state, run, step, with, *weights));
  move_alias(
      turn,
      AliasMoved{
          .model = name, .alias = alias, .to_version = version, .by = run.value, .reason = "step " + step.id.value},
      Json{{"run", run.value}, {"step", step.id.value}});
  return {.succeeded = true,
          .outputs = {{"model", model_value(*weights, name, version)},
                      {"name", name},
                      {"version", version},
                      {"alias", alias},
                      {"previous_version", current == 0 ? Json() : Json(current)}},
          .code = {},
          .message = {}};
}

}  // namespace luthier::core::internal
