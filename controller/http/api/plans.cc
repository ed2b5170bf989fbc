// POST /api/v1/plans: what a run of a pipeline would do now. GET /api/v1/runs/{run}/plan: what a run was to do.
// Neither changes anything.
#include "controller/http/api/plans.h"

#include <algorithm>
#include <memory>

#include "controller/core/forecast.h"
#include "controller/http/api/step_times.h"
#include "controller/http/api/submission.h"

namespace luthier::http::api {
namespace {

using core::StepForecast;

Json names_json(const auto& steps) {
  Json list = Json::array();
  for (const StepId& step : steps) {
    list.push_back(step.value);
  }
  return list;
}

Json guess_json(const Guess& guess) {
  return {{"value", guess.value ? Json(*guess.value) : Json()}, {"why", guess.why}};
}

bool may_run(const StepForecast& step, const plan::Step& planned) {
  return planned.place == plan::Place::kAgent &&
         (step.decision == StepForecast::Decision::kRun || step.decision == StepForecast::Decision::kOpen);
}

// Steps that must wait for each other take their times one after the other; the rest at the same time.
struct LongestPath {
  std::map<StepId, std::int64_t> end_ms;
  std::int64_t all_ms = 0;
  bool complete = true;  // no step's time is unknown

  void add(const plan::Step& step, const Guess& time, bool runs) {
    std::int64_t start_ms = 0;
    for (const StepId& need : step.needs) {
      start_ms = std::max(start_ms, end_ms[need]);
    }
    complete = complete && (!runs || time.value);
    end_ms[step.id] = start_ms + (runs ? time.value.value_or(0) : 0);
    all_ms = std::max(all_ms, end_ms[step.id]);
  }
};

// Tokens of trainings, by step, that whoever asks has counted.
using Counts = std::map<std::string, Guess>;

Result<Counts> read_counts(const Request& request) {
  constexpr std::int64_t kTokensMax = std::int64_t{1} << 50;
  LUTHIER_TRY(const Json body, json_body(request));
  const Json given = body.value("tokens", Json::object());
  if (!given.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "'tokens' must be an object"};
  }
  Counts counts;
  for (const auto& [step, count] : given.items()) {
    const Json value = count.is_object() ? count.value("value", Json()) : Json();
    const Json why = count.is_object() ? count.value("why", Json("")) : Json();
    if (!value.is_number_integer() || value < 0 || value > kTokensMax || !why.is_string()) {
      return Error{ErrorCode::kInvalidArgument, "'tokens." + step + "' must be {\"value\": count, \"why\": text}"};
    }
    counts[step] = {value.get<std::int64_t>(), why.get<std::string>().substr(0, 1000)};
  }
  return counts;
}

Guess tokens_of(const StepForecast& step, const Counts& counts, const std::vector<StepTime>& times) {
  const auto counted = counts.find(step.step.value);
  return counted == counts.end() ? guess_tokens(step, times) : counted->second;
}

Json plan_json(const plan::Plan& plan, const std::vector<StepForecast>& found, const std::vector<StepTime>& times,
               const Counts& counts) {
  Json steps = Json::array();
  LongestPath path;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const StepForecast& step = found[i];
    const plan::Step& planned = plan.steps[i];
    const bool trains = planned.uses == "train";
    const Guess tokens = trains ? tokens_of(step, counts, times) : Guess{};
    const bool runs = may_run(step, planned);
    const Guess time = runs ? guess_time(plan.pipeline, planned, step, tokens, times) : Guess{};
    path.add(planned, time, runs);
    steps.push_back({{"id", step.step.value},
                     {"name", planned.name},
                     {"uses", planned.uses},
                     {"place", planned.place == plan::Place::kAgent ? "agent" : "controller"},
                     {"needs", names_json(planned.needs)},
                     {"decision", core::to_string(step.decision)},
                     {"why", step.why},
                     {"waits_for", names_json(step.waits_for)},
                     {"open", step.open},
                     {"with", step.with},
                     {"cache", step.cache},
                     {"tokens", trains ? guess_json(tokens) : Json()},
                     {"milliseconds", runs ? guess_json(time) : Json()}});
  }
  return {{"pipeline", plan.pipeline},
          {"params", plan.params},
          {"steps", std::move(steps)},
          {"milliseconds", path.all_ms},
          {"milliseconds_complete", path.complete}};
}

void forecast(Services& services, const Request& request, const Reply& reply) {
  const Result<Submission> submission = read_submission(services, request, Sources::kNamed);
  if (!submission) {
    return reply(error_response(submission.error()));
  }
  Result<Counts> counts = read_counts(request);
  if (!counts) {
    return reply(error_response(counts.error()));
  }
  PlannedSubmission planned = plan_submission(*submission);
  if (!planned.plan) {
    return reply(std::move(planned.refusal));
  }
  services.context.runtime.query(
      [&services, reply, plan = std::make_shared<plan::Plan>(std::move(*planned.plan)),
       counts = std::make_shared<const Counts>(std::move(*counts))](const core::State& state, Now) {
        // A copy of what it looks at, so that decisions need not wait for it.
        auto seen = std::make_shared<core::State>();
        seen->agents = state.agents;
        seen->models = state.models;
        seen->cache = state.cache;
        services.after(milliseconds(0), [&services, reply, plan, counts, seen] {
          const auto times = read_step_times(services.context.store, plan->pipeline);
          reply(times ? json_response(plan_json(*plan, core::forecast(*seen, *plan), *times, *counts))
                      : error_response(times.error()));
        });
      });
}

Result<Response> plan_of_run(Services& services, const Request& request) {
  LUTHIER_TRY(const core::RunSubmitted submitted, services.context.store.get_submission(request.parameter("run")));
  return json_response({{"run", submitted.run.value}, {"plan", plan::to_json(submitted.plan)}});
}

}  // namespace

void add_plan_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/plans",
              .scope = store::Scope::kViewer,
              .handle = [&services](const Request& request, const Reply& reply) { forecast(services, request, reply); },
              .changes = false});
  router.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}/plan",
              .scope = store::Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return plan_of_run(services, request); })});
}

}  // namespace luthier::http::api
