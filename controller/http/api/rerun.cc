// POST /api/v1/runs/{run}/rerun: a new run of what a run was submitted with, going on from what succeeded there, and
// from the checkpoints of what did not.
#include "controller/core/rerun.h"

#include <functional>

#include "controller/core/core.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

// Calls `each` with the digest of every artifact that is named anywhere in the value.
void each_artifact(const Json& value, const std::function<void(const std::string&)>& each) {
  if (value.is_object() && value.contains("$artifact") && value["$artifact"].is_string()) {
    return each(value["$artifact"].get<std::string>());
  }
  if (value.is_structured()) {
    for (const Json& inner : value) {
      each_artifact(inner, each);
    }
  }
}

// The first artifact named in the value that is not here any more; empty: none. What is here is leased by being asked
// for, until the new run's own tables name it.
std::string gone_artifact(const artifacts::ArtifactStore& artifacts, const Json& value) {
  std::string gone;
  each_artifact(value, [&](const std::string& digest) {
    const auto manifest = artifacts.get_manifest(digest);
    if (gone.empty() && !manifest && manifest.error().code == ErrorCode::kNotFound) {
      gone = digest;
    }
  });
  return gone;
}

core::StepStatus status_of(const std::string& text) {
  for (const core::StepStatus status : {core::StepStatus::kSucceeded, core::StepStatus::kFailed,
                                        core::StepStatus::kCancelled, core::StepStatus::kSkipped}) {
    if (core::to_string(status) == text) {
      return status;
    }
  }
  return core::StepStatus::kWaiting;
}

// What the step had committed and is still here, when it ended without success.
core::Unfinished reached_by(const artifacts::ArtifactStore& artifacts, const Json& step) {
  core::Unfinished reached{.with = step["with"], .checkpoints = {}};
  if (step.value("status", "") == "succeeded") {
    return reached;
  }
  for (const Json& each : step["checkpoints"]) {
    core::Checkpoint checkpoint{.step = each.value("step", std::int64_t{0}),
                                .artifact = each.value("artifact", ""),
                                .model = each.value("model", ""),
                                .model_kind = each.value("model_kind", ""),
                                .metrics = each.value("metrics", Json::object())};
    const Json named = Json::array({{{"$artifact", checkpoint.artifact}}, {{"$artifact", checkpoint.model}}});
    if (gone_artifact(artifacts, named).empty()) {
      reached.checkpoints.push_back(std::move(checkpoint));
    }
  }
  return reached;
}

std::map<StepId, core::EndedStep> ended_steps(const artifacts::ArtifactStore& artifacts, const Json& run) {
  std::map<StepId, core::EndedStep> ended;
  for (const Json& step : run["steps"]) {
    core::EndedStep& each = ended[StepId{step.value("id", "")}];
    each.status = status_of(step.value("status", ""));
    const Json& cached_from = step["cached_from"];
    each.made = {.with = step["with"],
                 .outputs = step["outputs"],
                 .made_by = RunId{cached_from.is_string() ? cached_from.get<std::string>() : run.value("id", "")}};
    each.reached = reached_by(artifacts, step);
    each.outputs_gone =
        each.status == core::StepStatus::kSucceeded && !gone_artifact(artifacts, step["outputs"]).empty();
  }
  return ended;
}

// What is done anew needs what was uploaded for it.
Result<void> check_sources(const artifacts::ArtifactStore& artifacts, const plan::Plan& plan,
                           const std::set<StepId>& anew) {
  for (const plan::Step& step : plan.steps) {
    if (!anew.contains(step.id)) {
      continue;
    }
    if (const std::string gone = gone_artifact(artifacts, step.with); !gone.empty()) {
      return Error{ErrorCode::kFailedPrecondition, "step '" + step.id.value + "' would need artifact " + gone +
                                                       ", which has been deleted; run the pipeline's file again"};
    }
  }
  return {};
}

Result<core::SubmitRun> make_submission(Services& services, const Request& request) {
  const std::string id = request.parameter("run");
  LUTHIER_TRY(const Json body, request.body.empty() ? Result<Json>(Json::object()) : json_body(request));
  LUTHIER_TRY(const std::string from, optional_text(body, "from"));
  const Json fresh = body.value("fresh", Json(false));
  if (!fresh.is_boolean()) {
    return Error{ErrorCode::kInvalidArgument, "`fresh` must be true or false"};
  }
  LUTHIER_TRY(const Json run, services.context.store.get_run(id));
  if (run.value("status", "") == "running") {
    return Error{ErrorCode::kFailedPrecondition,
                 "run '" + id + "' has not ended; wait for it, or end it with `luthier cancel " + id + "`"};
  }
  LUTHIER_TRY(core::RunSubmitted before, services.context.store.get_submission(id));
  LUTHIER_TRY(core::Rerun rerun, core::make_rerun(before.plan, ended_steps(services.context.artifacts, run), from));
  LUTHIER_TRY_VOID(check_sources(services.context.artifacts, before.plan, rerun.anew));
  for (plan::Step& step : before.plan.steps) {
    if (rerun.from_now.contains(step.id) || (fresh && rerun.unfinished.contains(step.id))) {
      step.cache = false;  // somebody asked for it to run
    }
  }
  return core::SubmitRun{.plan = std::move(before.plan),
                         .yaml = std::move(before.yaml),
                         .file_name = std::move(before.file_name),
                         .submitted_by = request.principal.name,
                         .rerun_of = before.run,
                         .taken_over = std::move(rerun.taken_over),
                         .unfinished = fresh ? std::map<StepId, core::Unfinished>() : std::move(rerun.unfinished)};
}

void rerun(Services& services, const Request& request, const Reply& reply) {
  Result<core::SubmitRun> input = make_submission(services, request);
  if (!input) {
    return reply(error_response(input.error()));
  }
  submit_run(services, std::move(*input), reply);
}

}  // namespace

void add_rerun_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/runs/{run}/rerun",
              .scope = store::Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) { rerun(services, request, reply); }});
}

}  // namespace luthier::http::api
