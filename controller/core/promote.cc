#include <algorithm>
#include <limits>
#include <optional>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

StepEnd failed(std::string code, std::string message) {
  return {.succeeded = false, .outputs = {}, .code = std::move(code), .message = std::move(message)};
}

// Inputs may come from expressions and outputs from processes, so that nothing is known of their types.
std::string text_in(const Json& object, const std::string& key) {
  const Json value = object.value(key, Json());
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_true(const Json& object, const std::string& key) { return object.value(key, Json()) == Json(true); }

std::optional<int> version_in(const Json& value) {
  return value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int>::max()
             ? std::optional(value.get<int>())
             : std::nullopt;
}

std::string name_of(const State& state, const RunId& run, const Json& with) {
  const std::string name = text_in(with, "name");
  return name.empty() ? state.runs.at(run).plan.pipeline : name;
}

// What this step rests on, in the plan's order.
std::vector<const plan::Step*> steps_before(const LiveRun& run, const plan::Step& step) {
  std::set<StepId> wanted(step.needs.begin(), step.needs.end());
  std::vector<const plan::Step*> found;
  for (auto each = run.plan.steps.rbegin(); each != run.plan.steps.rend(); ++each) {
    if (wanted.contains(each->id)) {
      wanted.insert(each->needs.begin(), each->needs.end());
      found.insert(found.begin(), &*each);
    }
  }
  return found;
}

// Evaluations that this step rests on, nearest last.
std::vector<const plan::Step*> evaluations_before(const LiveRun& run, const plan::Step& step) {
  std::vector<const plan::Step*> found = steps_before(run, step);
  std::erase_if(found, [&](const plan::Step* each) {
    return each->uses != "eval" || run.steps.at(each->id).status != StepStatus::kSucceeded;
  });
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

// The version of the alias that this evaluation took as its baseline (0: there was none yet); absent when it took
// another one, or none.
std::optional<int> baseline_version(const LiveRun& run, const plan::Step& evaluation, const std::string& name,
                                    const std::string& alias) {
  const Json asked = evaluation.with.value("baseline", Json());
  if (asked != name + "@" + alias && (asked != "alias:" + alias || name != run.plan.pipeline)) {
    return std::nullopt;
  }
  const Json got = run.steps.at(evaluation.id).with.value("baseline", Json());
  return got.is_object() ? version_in(got.value("version", Json(0))) : 0;
}

std::optional<int> evaluated_baseline(const LiveRun& run, const plan::Step& step, const std::string& name,
                                      const std::string& alias) {
  std::optional<int> version;
  for (const plan::Step* evaluation : evaluations_before(run, step)) {
    if (const auto found = baseline_version(run, *evaluation, name, alias)) {
      version = found;
    }
  }
  return version;
}

// Whether a step between the evaluation and the promotion has acted on the verdict already.
bool verdict_was_used(const LiveRun& run, const plan::Step& evaluation, const plan::Step& promotion) {
  for (const plan::Step* between : steps_before(run, promotion)) {
    const std::vector<const plan::Step*> before = steps_before(run, *between);
    if (std::ranges::find(before, &evaluation) != before.end() && is_terminal(run.steps.at(between->id).status)) {
      return true;
    }
  }
  return false;
}

// The newest evaluation of exactly these weights among those that the step rests on; nullptr: none.
const plan::Step* evaluation_of(const LiveRun& run, const plan::Step& step, const ModelWeights& weights) {
  const std::vector<const plan::Step*> evaluations = evaluations_before(run, step);
  for (auto each = evaluations.rbegin(); each != evaluations.rend(); ++each) {
    const Result<ModelWeights> measured = weights_of(run.steps.at((*each)->id).with.value("model", Json()));
    if (measured && *measured == weights) {
      return *each;
    }
  }
  return nullptr;
}

bool is_evaluated_version(const State& state, const ModelWeights& weights) {
  for (const auto& [name, model] : state.models) {
    for (const auto& [version, known] : model.versions) {
      if (known.weights == weights && !known.metrics.empty()) {
        return true;
      }
    }
  }
  return false;
}

// Why the model may not serve, as a failed step; nothing when an evaluation speaks for it.
std::optional<StepEnd> unproven(const State& state, const LiveRun& run, const plan::Step& step,
                                const ModelWeights& weights) {
  const plan::Step* evaluation = evaluation_of(run, step, weights);
  if (evaluation == nullptr) {
    if (is_evaluated_version(state, weights)) {
      return std::nullopt;
    }
    return failed(
        "not_evaluated",
        "nobody has evaluated this model, so it does not serve: put an `eval` step of this model before step '" +
            step.id.value + "', or say `force: true` there, which the alias's history records");
  }
  const Json& outputs = run.steps.at(evaluation->id).outputs;
  if (is_true(outputs, "better")) {
    return std::nullopt;
  }
  const std::string reason = text_in(outputs, "reason");
  return failed("not_better", "step '" + evaluation->id.value + "' did not find this model better (" +
                                  (reason.empty() ? "no reason given" : reason) + "); `if: ${{ steps." +
                                  evaluation->id.value +
                                  ".outputs.better }}` skips the promotion then, `force: true` promotes all the same");
}

// What the alias must still point at; absent: anything will do, -1: what it does not point at.
Result<std::optional<int>> expected_version(const State& state, const LiveRun& run, const plan::Step& step,
                                            const Json& with, const std::string& name, const std::string& alias) {
  const Json expect = with.value("expect", Json());
  if (expect.is_null()) {
    return evaluated_baseline(run, step, name, alias);
  }
  if (const auto version = version_in(expect.is_object() ? expect.value("version", Json()) : expect)) {
    return version;
  }
  if (text_in(with, "expect").starts_with("sha256:")) {  // of the adapter or of the whole model
    const auto found = state.models.find(name);
    const int current = alias_version(state, name, alias);
    if (found != state.models.end() && current != 0) {
      const ModelWeights& weights = found->second.versions.at(current).weights;
      return std::optional(expect == (weights.adapter.empty() ? weights.base : weights.adapter) ? current : -1);
    }
    return std::optional(-1);
  }
  return Error{ErrorCode::kInvalidArgument,
               "expected the number of a version (0: no alias yet), a digest such as "
               "sha256:ab12… or a registered model, got " +
                   expect.dump().substr(0, 100)};
}

std::string version_text(int version) {
  return version > 0 ? "version " + std::to_string(version) : version == 0 ? "no version" : "another version";
}

ModelRegistered candidate(const State& state, const RunId& run, const plan::Step& step, const Json& with,
                          ModelWeights weights) {
  const LiveRun& live = state.runs.at(run);
  return {.model = name_of(state, run, with),
          .weights = std::move(weights),
          .lineage = {{"run", run.value},
                      {"step", step.id.value},
                      {"pipeline", live.plan.pipeline},
                      {"by", live.submitted_by}},
          .metrics = evaluated_metrics(live, step),
          .description = text_in(with, "description")};
}

// Repeats one evaluation against what the alias points at now.
void repeat_evaluation(Turn& turn, const RunId& run, const plan::Step& evaluation, const ModelVersion& rival,
                       const std::string& name, int version, const std::string& reason) {
  Json with = turn.state.runs.at(run).steps.at(evaluation.id).with;
  with["baseline"] = model_value(rival.weights, name, version);
  const Json cache = cache_lookup(turn.state, turn.state.runs.at(run).plan.pipeline, evaluation, with);
  turn.record(StepRepeated{run, evaluation.id, std::move(with), reason, cache});
  publish_step(turn, "step.retried", run, evaluation.id,
               Json{{"because", "baseline_moved"}, {"code", "baseline_moved"}, {"message", reason}});
  if (const CachedOutputs* hit = cache_hit(turn.state, cache)) {
    reuse_outputs(turn, run, evaluation.id, *hit);
  }
}

}  // namespace

bool repeat_outdated_evaluations(Turn& turn, const RunId& id, const plan::Step& step, const Json& with) {
  const std::string alias = text_in(with, "alias");
  if (alias.empty() || is_true(with, "force") || !with.value("expect", Json()).is_null()) {
    return false;
  }
  const LiveRun& run = turn.state.runs.at(id);
  const std::string name = name_of(turn.state, id, with);
  const int current = alias_version(turn.state, name, alias);
  std::vector<const plan::Step*> outdated = evaluations_before(run, step);
  std::erase_if(outdated, [&](const plan::Step* each) {
    const std::optional<int> version = baseline_version(run, *each, name, alias);
    return !version || *version == current;
  });
  const bool possible = current != 0 && std::ranges::all_of(outdated, [&](const plan::Step* each) {
                          return run.steps.at(each->id).repeats < turn.state.options.evaluation_repeats_max &&
                                 !verdict_was_used(run, *each, step);
                        });
  if (outdated.empty() || !possible) {
    return false;
  }
  for (const plan::Step* each : outdated) {
    const int before = *baseline_version(run, *each, name, alias);
    repeat_evaluation(turn, id, *each, turn.state.models.at(name).versions.at(current), name, current,
                      "alias '" + alias + "' of '" + name + "' moved from " + version_text(before) + " to " +
                          version_text(current) + " since; it is evaluated again, against that one");
  }
  return true;
}

StepEnd run_register(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  Result<ModelWeights> weights = weights_of(with.value("model", Json()));
  if (!weights) {
    return failed("invalid_input", "`with.model`: " + weights.error().message);
  }
  const std::string name = name_of(turn.state, run, with);
  const Json aliases = with.value("aliases", Json()).is_null() ? Json::array() : with["aliases"];
  if (!aliases.is_array() || !std::ranges::all_of(aliases, [](const Json& each) { return each.is_string(); })) {
    return failed("invalid_input", "`with.aliases` is not a list of names: " + aliases.dump().substr(0, 100));
  }
  if (std::ranges::find(aliases, Json("production")) != aliases.end()) {  // what a bare name means
    if (std::optional<StepEnd> refusal = unproven(turn.state, turn.state.runs.at(run), step, *weights)) {
      return std::move(*refusal);
    }
  }
  const int version = register_weights(turn, candidate(turn.state, run, step, with, *weights));
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
  const std::string alias = text_in(with, "alias");
  if (alias.empty()) {
    return failed("invalid_input", "`with.alias` is empty or no text; say which alias to move, such as production");
  }
  const std::string name = name_of(turn.state, run, with);
  const int current = alias_version(turn.state, name, alias);
  const auto expected = expected_version(turn.state, turn.state.runs.at(run), step, with, name, alias);
  if (!expected) {
    return failed("invalid_input", "`with.expect`: " + expected.error().message);
  }
  if (*expected && **expected != current) {
    return failed("alias_moved", "alias '" + alias + "' of '" + name + "' moved since the evaluation: compared with " +
                                     version_text(**expected) + ", it now points at " + version_text(current) +
                                     "; evaluate against that one and promote again");
  }
  const bool serves_already = current != 0 && turn.state.models.at(name).versions.at(current).weights == *weights;
  std::optional<StepEnd> refusal =
      serves_already ? std::nullopt : unproven(turn.state, turn.state.runs.at(run), step, *weights);
  const bool forced = refusal && is_true(with, "force");
  if (refusal && !forced) {
    return std::move(*refusal);
  }
  const int version = register_weights(turn, candidate(turn.state, run, step, with, *weights));
  const std::string reason = "step " + step.id.value;
  move_alias(turn,
             AliasMoved{.model = name,
                        .alias = alias,
                        .to_version = version,
                        .by = run.value,
                        .reason = forced ? reason + ", forced by " + turn.state.runs.at(run).submitted_by + ": " +
                                               refusal->code
                                         : reason,
                        .forced = forced},
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
