// `luthier diff`: two pipelines, each a file or a run, step by step.
#include "pipelines/plan/diff.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/local_sources.h"
#include "cli/plan.h"

namespace luthier::cli {
namespace {

bool is_run(const std::string& name) {
  return name.size() > 2 && name.starts_with("r-") && name.find_first_not_of("0123456789", 2) == std::string::npos;
}

// What is known of a step beside its plan, from the `cache` and `with` that the controller gives of it.
std::map<std::string, Json> facts_of(const plan::Step& planned, const Json& step) {
  std::map<std::string, Json> facts;
  const Json cache = step.value("cache", Json());
  if (cache.is_object() && cache.contains("components")) {
    const Json environment = cache["components"].value("environment", Json::object());
    for (const char* name : {"release", "cpu_models"}) {  // the rest is in the plan
      if (environment.contains(name)) {
        facts["environment." + std::string(name)] = environment[name];
      }
    }
  }
  const Json with = step.value("with", Json());
  for (const std::string& input : plan::model_inputs(planned.uses)) {
    const bool named = planned.with.contains(input) && planned.with[input].is_string() &&
                       planned.with[input].get_ref<const std::string&>().find("${{") == std::string::npos;
    if (named && with.is_object() && with.contains(input) && with[input].is_object()) {
      facts["weights of with." + input] =
          Json{{"base", with[input].value("base", Json())}, {"adapter", with[input].value("adapter", Json())}};
    }
  }
  return facts;
}

void add_facts(plan::DiffSide& side, const Json& steps) {
  std::map<std::string, const Json*> by_id;
  for (const Json& step : steps) {
    by_id[step.value("id", "")] = &step;
  }
  for (const plan::Step& step : side.plan.steps) {
    if (const auto found = by_id.find(step.id.value); found != by_id.end()) {
      side.facts[step.id] = facts_of(step, *found->second);
    }
  }
}

Result<plan::DiffSide> side_of_run(Result<ApiClient>& api, const std::string& run) {
  if (!api) {
    return api.error();
  }
  LUTHIER_TRY(const Json answer, api->get("/api/v1/runs/" + segment(run) + "/plan"));
  LUTHIER_TRY(const Json shown, api->get("/api/v1/runs/" + segment(run)));
  plan::DiffSide side;
  LUTHIER_TRY(side.plan, plan::plan_from_json(answer.value("plan", Json::object())));
  add_facts(side, shown.value("steps", Json::array()));
  return side;
}

Result<plan::DiffSide> side_of_file(Result<ApiClient>& api, const std::string& path,
                                    const std::vector<std::string>& params) {
  LUTHIER_TRY(const PipelineFile file, read_pipeline(path, params));
  if (!file.parsed.spec) {
    return Error{ErrorCode::kInvalidArgument, "the pipeline has errors\n" + render_all(file.parsed.errors, file.yaml)};
  }
  LUTHIER_TRY(const Json sources, local_sources(file));
  plan::SourceMap artifacts;
  for (const auto& [name, digest] : sources.items()) {
    artifacts[name] = Json{{"$artifact", digest}, {"kind", "source"}};
  }
  plan::MadePlan made = plan::make_plan(*file.parsed.spec, file.params, artifacts);
  if (!made.plan) {
    return Error{ErrorCode::kInvalidArgument, "the pipeline has errors\n" + render_all(made.errors, file.yaml)};
  }
  plan::DiffSide side{.plan = std::move(*made.plan), .facts = {}};
  if (api) {  // what it would run with now
    Json given = Json::object();
    for (const auto& [name, value] : file.params) {
      given[name] = value;
    }
    const Result<Json> forecast = api->post(
        "/api/v1/plans",
        {{"yaml", file.yaml}, {"file", file.path.string()}, {"params", std::move(given)}, {"sources", sources}});
    if (forecast) {
      add_facts(side, forecast->value("steps", Json::array()));
    }
  }
  return side;
}

constexpr std::size_t kValueCharactersMax = 60;

std::string shown(const Json& value) {
  if (value.is_null()) {
    return "(not there)";
  }
  return cut(printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)), kValueCharactersMax);
}

std::string change_text(const plan::Change& change) {
  const auto is_artifact = [](const Json& value) { return value.is_object() && value.contains("$artifact"); };
  if (is_artifact(change.before) && is_artifact(change.now)) {
    return change.component + ": other bytes";
  }
  return change.component + ": " + shown(change.before) + " → " + shown(change.now);
}

std::string why(const plan::StepDiff& step) {
  std::string text;
  for (const plan::Change& change : step.changes) {
    text += (text.empty() ? "" : "; ") + change_text(change);
  }
  std::string after;
  for (const StepId& need : step.after) {
    after += (after.empty() ? "" : ", ") + need.value;
  }
  if (!after.empty()) {
    text += (text.empty() ? "after " : "; after ") + after;
  }
  return text;
}

void print_diff(const std::vector<plan::StepDiff>& steps, const std::vector<plan::Change>& params,
                const DiffOptions& given) {
  for (const plan::Change& change : params) {
    std::printf("param %s\n", change_text(change).c_str());
  }
  std::vector<std::vector<std::string>> rows{{"STEP", "", "WHY"}};
  std::string same;
  for (const plan::StepDiff& step : steps) {
    if (step.kind == plan::StepDiff::Kind::kUnchanged) {
      same += (same.empty() ? "" : ", ") + step.step.value;
      continue;
    }
    const bool removed = step.kind == plan::StepDiff::Kind::kRemoved;
    rows.push_back({step.step.value,
                    removed             ? "gone"
                    : step.runs_again() ? "runs again"
                                        : "need not run again",
                    step.kind == plan::StepDiff::Kind::kAdded ? "new"
                    : removed                                 ? "only in " + given.a
                                                              : why(step)});
  }
  if (rows.size() > 1) {
    std::printf("%s", format_table(rows).c_str());
  }
  if (!same.empty()) {
    std::printf("unchanged: %s\n", same.c_str());
  }
}

Json changes_json(const std::vector<plan::Change>& changes) {
  Json list = Json::array();
  for (const plan::Change& change : changes) {
    list.push_back({{"component", change.component}, {"before", change.before}, {"now", change.now}});
  }
  return list;
}

Json diff_json(const std::vector<plan::StepDiff>& steps, const std::vector<plan::Change>& params,
               const DiffOptions& given) {
  Json list = Json::array();
  for (const plan::StepDiff& step : steps) {
    Json after = Json::array();
    for (const StepId& need : step.after) {
      after.push_back(need.value);
    }
    list.push_back({{"step", step.step.value},
                    {"kind", plan::to_string(step.kind)},
                    {"runs_again", step.runs_again()},
                    {"changes", changes_json(step.changes)},
                    {"after", std::move(after)}});
  }
  return {{"a", given.a}, {"b", given.b}, {"params", changes_json(params)}, {"steps", std::move(list)}};
}

}  // namespace

int diff_command(const GlobalOptions& options, const DiffOptions& given) {
  Result<ApiClient> api = connect(options);
  const auto side_of = [&](const std::string& name) {
    return is_run(name) ? side_of_run(api, name) : side_of_file(api, name, given.params);
  };
  const Result<plan::DiffSide> a = side_of(given.a);
  if (!a) {
    return report(a.error());
  }
  const Result<plan::DiffSide> b = side_of(given.b);
  if (!b) {
    return report(b.error());
  }
  const std::vector<plan::StepDiff> steps = plan::diff(*a, *b);
  const std::vector<plan::Change> params = plan::diff_params(a->plan, b->plan);
  if (options.json) {
    std::printf("%s\n", diff_json(steps, params, given).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print_diff(steps, params, given);
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
