#include "cli/training_speed.h"

#include <algorithm>

#include "cli/format.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"

namespace luthier::cli {
namespace {

constexpr const char* kSeries = "tokens_per_second";
constexpr std::size_t kPointsMax = 10'000;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

}  // namespace

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return *middle;
  }
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

Result<std::string> training_in(const Json& run, const std::string& step) {
  std::vector<std::string> trainings;
  for (const Json& each : run.value("steps", Json::array())) {
    if (text_of(each, "uses") == "train") {
      trainings.push_back(text_of(each, "id"));
    }
  }
  const std::string id = text_of(run, "id");
  std::string names;
  for (const std::string& name : trainings) {
    names += (names.empty() ? "" : ", ") + id + "/" + name;
  }
  if (trainings.empty()) {
    return wrong("run " + id + " has no train step");
  }
  if (step.empty() && trainings.size() > 1) {
    return wrong("run " + id + " has several train steps; name one: " + names);
  }
  if (step.empty()) {
    return trainings.front();
  }
  if (std::find(trainings.begin(), trainings.end(), step) == trainings.end()) {
    return wrong("run " + id + " has no train step '" + step + "'; it has " + names);
  }
  return step;
}

int gpus_of(const Json& run, const std::string& step) {
  const Json yaml = run.value("yaml", Json());
  const spec::ParsedSpec parsed =
      spec::parse_spec(yaml.is_string() ? yaml.get_ref<const std::string&>() : "", text_of(run, "file"));
  if (!parsed.spec) {
    return 0;
  }
  plan::ParamValues params;
  const Json given = run.value("params", Json::object());
  for (const auto& [name, value] : given.items()) {
    params[name] = value;
  }
  const plan::MadePlan made = plan::make_plan(*parsed.spec, params, {}, plan::PlanMode::kOffline);
  for (const plan::Step& each : made.plan ? made.plan->steps : std::vector<plan::Step>()) {
    if (each.id.value == step) {
      return each.resources.nodes * each.resources.gpus;
    }
  }
  return 0;
}

Result<TrainingSpeed> training_speed(ApiClient& api, const std::string& reference) {
  const std::size_t slash = reference.find('/');
  const std::string run_id = reference.substr(0, slash);
  LUTHIER_TRY(const Json run, api.get("/api/v1/runs/" + segment(run_id)));
  LUTHIER_TRY(const std::string step,
              training_in(run, slash == std::string::npos ? std::string() : reference.substr(slash + 1)));
  LUTHIER_TRY(const Json answer, api.get("/api/v1/runs/" + segment(run_id) + "/steps/" + segment(step) +
                                         "/metrics?series=" + kSeries + "&limit=" + std::to_string(kPointsMax)));
  std::vector<double> values;
  for (const Json& point : answer.value("points", Json::array())) {
    const Json value = point.value("value", Json());
    if (value.is_number() && value.get<double>() > 0) {
      values.push_back(value.get<double>());
    }
  }
  const std::string name = run_id + "/" + step;
  if (values.empty()) {
    return Error{ErrorCode::kNotFound, name + " has reported no speed" +
                                           (text_of(run, "status") == "running" ? " yet" : std::string()) +
                                           "; a step that was taken from the cache reports none"};
  }
  TrainingSpeed speed;
  speed.gpus = gpus_of(run, step);
  speed.source = name + ", the median of its " + format_count(std::ssize(values)) + " optimizer steps";
  speed.tokens_per_second = median_of(std::move(values));
  return speed;
}

}  // namespace luthier::cli
