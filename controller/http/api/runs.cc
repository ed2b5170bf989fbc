#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/digest/digest.h"
#include "controller/core/core.h"
#include "controller/http/api/api.h"
#include "controller/http/api/submission.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::int64_t kListMax = 1'000;

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// One source: an artifact of kind "source".
Result<Json> source_value(artifacts::ArtifactStore& artifacts, const std::string& path, const Json& digest,
                          Sources sources) {
  const Error malformed{ErrorCode::kInvalidArgument, "source '" + path + "' must be the digest of an artifact"};
  if (!digest.is_string() || !is_sha256_digest(digest.get_ref<const std::string&>())) {
    return malformed;
  }
  if (sources == Sources::kNamed) {
    return Json{{"$artifact", digest}, {"kind", "source"}};
  }
  const auto manifest = artifacts.get_manifest(digest.get<std::string>());
  if (!manifest) {
    if (manifest.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kFailedPrecondition,
                   "source '" + path + "' is not here: upload artifact " + digest.get<std::string>() + " first"};
    }
    return manifest.error();
  }
  return Json{{"$artifact", digest}, {"kind", manifest->kind}};
}

Response refuse_pipeline(const Submission& submission, const std::vector<spec::Diagnostic>& errors) {
  Json details = Json::array();
  for (const spec::Diagnostic& diagnostic : errors) {
    details.push_back({{"file", diagnostic.file},
                       {"line", diagnostic.at.line},
                       {"column", diagnostic.at.column},
                       {"message", diagnostic.message},
                       {"rendered", spec::render(diagnostic, submission.yaml)}});
  }
  const std::string count = errors.size() == 1 ? "one error" : std::to_string(errors.size()) + " errors";
  return error_response(
      Error{ErrorCode::kInvalidArgument, submission.file + " has " + count + ": " + spec::to_string(errors.front())},
      std::move(details));
}

}  // namespace

Result<Submission> read_submission(Services& services, const Request& request, Sources sources) {
  LUTHIER_TRY(const Json body, json_body(request));
  Submission submission;
  LUTHIER_TRY(submission.yaml, required_text(body, "yaml"));
  LUTHIER_TRY(submission.file, optional_text(body, "file"));
  if (submission.file.empty()) {
    submission.file = "pipeline.yaml";
  }
  for (const char* member : {"params", "sources"}) {
    if (body.contains(member) && !body[member].is_object() && !body[member].is_null()) {
      return Error{ErrorCode::kInvalidArgument, std::string("'") + member + "' must be an object"};
    }
  }
  if (body.contains("cache") && !body["cache"].is_boolean()) {
    return Error{ErrorCode::kInvalidArgument, "'cache' must be true or false"};
  }
  submission.cache = body.value("cache", true);
  LUTHIER_TRY(submission.commit, optional_text(body, "commit"));
  if (!submission.commit.empty() && !is_commit(submission.commit)) {
    return Error{ErrorCode::kInvalidArgument, "'commit' must be the 40 or 64 hex digits of a commit"};
  }
  if (body.contains("params") && body["params"].is_object()) {
    for (const auto& [name, value] : body["params"].items()) {
      submission.params[name] = value;
    }
  }
  if (body.contains("sources") && body["sources"].is_object()) {
    for (const auto& [path, digest] : body["sources"].items()) {
      LUTHIER_TRY(submission.sources[path], source_value(services.context.artifacts, path, digest, sources));
    }
  }
  return submission;
}

PlannedSubmission plan_submission(const Submission& submission) {
  const spec::ParsedSpec parsed = spec::parse_spec(submission.yaml, submission.file);
  if (!parsed.spec) {
    return {.plan = std::nullopt, .refusal = refuse_pipeline(submission, parsed.errors)};
  }
  plan::MadePlan made = plan::make_plan(*parsed.spec, submission.params, submission.sources);
  if (!made.plan) {
    return {.plan = std::nullopt, .refusal = refuse_pipeline(submission, made.errors)};
  }
  made.plan->commit = submission.commit;
  if (!submission.cache) {
    for (plan::Step& step : made.plan->steps) {
      step.cache = false;
    }
  }
  return {.plan = std::move(made.plan), .refusal = {}};
}

namespace {

void submit(Services& services, const Request& request, const Reply& reply) {
  Result<Submission> submission = read_submission(services, request, Sources::kMustBeHere);
  if (!submission) {
    return reply(error_response(submission.error()));
  }
  PlannedSubmission made = plan_submission(*submission);
  if (!made.plan) {
    return reply(std::move(made.refusal));
  }
  core::SubmitRun input{.plan = std::move(*made.plan),
                        .yaml = std::move(submission->yaml),
                        .file_name = std::move(submission->file),
                        .submitted_by = request.principal.name};
  submit_run(services, std::move(input), reply);
}

Result<Response> list(Services& services, const Request& request) {
  LUTHIER_TRY(const std::int64_t limit, request.query_integer("limit", 50, 1, kListMax));
  const store::RunsFilter filter{request.query_text("status"), request.query_text("pipeline")};
  constexpr std::array kStatuses{"", "running", "succeeded", "failed", "cancelled"};
  if (std::find(kStatuses.begin(), kStatuses.end(), filter.status) == kStatuses.end()) {
    return Error{ErrorCode::kInvalidArgument, "'status' must be running, succeeded, failed or cancelled"};
  }
  LUTHIER_TRY(const Json runs,
              services.context.store.list_runs(static_cast<int>(limit), request.query_text("before"), filter));
  return json_response(runs);
}

void cancel(Services& services, const Request& request, const Reply& reply) {
  const std::string run = request.parameter("run");
  services.context.runtime.call(
      [run, by = request.principal.name](core::RequestId id) {
        return core::Input(core::CancelRun{.request = id, .run = RunId{run}, .by = by});
      },
      [&services, run, reply](Result<Json> accepted) {
        if (!accepted) {
          return reply(error_response(accepted.error()));
        }
        services.after(milliseconds(0), [&services, run, reply] { reply_with_run(services, run, 200, reply); });
      });
}

// A person's word on a step of type approve.
void decide(Services& services, const Request& request, bool approved, const Reply& reply) {
  core::DecideApproval input{.run = RunId{request.parameter("run")},
                             .step = StepId{request.parameter("step")},
                             .approved = approved,
                             .by = request.principal.name};
  if (!request.body.empty()) {
    const Result<Json> body = json_body(request);
    Result<std::string> comment = body ? optional_text(*body, "comment") : Result<std::string>(body.error());
    if (!comment) {
      return reply(error_response(comment.error()));
    }
    input.comment = std::move(*comment);
  }
  const std::string run = input.run.value;
  services.context.runtime.call(
      [input = std::move(input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [&services, run, reply](Result<Json> accepted) {
        if (!accepted) {
          return reply(error_response(accepted.error()));
        }
        services.after(milliseconds(0), [&services, run, reply] { reply_with_run(services, run, 200, reply); });
      });
}

bool is_over(const Json& step) {
  const std::string status = step.value("status", "");
  return status == "succeeded" || status == "failed" || status == "cancelled" || status == "skipped";
}

using Reasons = std::map<std::string, std::string>;  // by step id

void add_live_facts(const Services& services, const std::string& run_id, Json& run, const Reasons& reasons) {
  for (Json& step : run["steps"]) {
    if (is_over(step)) {
      continue;
    }
    const std::string id = step.value("id", "");
    if (const auto reason = reasons.find(id); reason != reasons.end() && !reason->second.empty()) {
      step["reason"] = reason->second;
    }
    if (services.context.progress) {
      step["progress"] =
          services.context.progress(AttemptId{RunId{run_id}, StepId{id}, step.value("attempt", std::int32_t{0})});
    }
  }
}

}  // namespace

namespace {

Response run_response(const Json& run, int status) {
  Response response = json_response(run, status);
  response.subject = run.value("id", "");
  return response;
}

}  // namespace

void submit_run(Services& services, core::SubmitRun input, const Reply& reply) {
  services.context.runtime.call(
      [input = std::move(input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [&services, reply](Result<Json> accepted) {
        if (!accepted) {
          return reply(error_response(accepted.error()));
        }
        const std::string run = accepted->value("run", "");
        services.after(milliseconds(0), [&services, run, reply] { reply_with_run(services, run, 201, reply); });
      });
}

void reply_with_run(Services& services, const std::string& run_id, int status, const Reply& reply) {
  Result<Json> run = services.context.store.get_run(run_id);
  if (!run) {
    return reply(error_response(run.error()));
  }
  if (run->value("status", "") != "running") {
    return reply(run_response(*run, status));
  }
  std::vector<StepId> unfinished;
  for (const Json& step : (*run)["steps"]) {
    if (!is_over(step)) {
      unfinished.push_back(StepId{step.value("id", "")});
    }
  }
  services.context.runtime.query([&services, run_id, status, reply, unfinished = std::move(unfinished),
                                  run = std::make_shared<Json>(std::move(*run))](const core::State& state, Now now) {
    Reasons reasons;
    for (const StepId& step : unfinished) {
      reasons[step.value] = core::waiting_reason(state, RunId{run_id}, step, now);
    }
    services.after(milliseconds(0), [&services, run_id, status, reply, run, reasons = std::move(reasons)] {
      add_live_facts(services, run_id, *run, reasons);
      reply(run_response(*run, status));
    });
  });
}

void add_run_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/runs",
              .scope = Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) { submit(services, request, reply); }});
  router.add({.method = "GET",
              .pattern = "/api/v1/runs",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return list(services, request); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}",
              .scope = Scope::kViewer,
              .handle = [&services](const Request& request, const Reply& reply) {
                reply_with_run(services, request.parameter("run"), 200, reply);
              }});
  for (const bool approved : {true, false}) {
    router.add({.method = "POST",
                .pattern = std::string("/api/v1/runs/{run}/steps/{step}/") + (approved ? "approve" : "reject"),
                .scope = Scope::kDeveloper,
                .handle = [&services, approved](const Request& request, const Reply& reply) {
                  decide(services, request, approved, reply);
                }});
  }
  router.add({.method = "POST",
              .pattern = "/api/v1/runs/{run}/cancel",
              .scope = Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) { cancel(services, request, reply); }});
}

}  // namespace luthier::http::api
