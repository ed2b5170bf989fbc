#include "controller/fleet/telemetry_service.h"

#include <string>
#include <utility>
#include <vector>

#include "controller/core/state.h"
#include "controller/fleet/convert.h"
#include "controller/fleet/unary.h"

namespace luthier::fleet {

namespace {

using core::Json;

// The newest attempt's number of a step in a run as docs/http-api.md gives it; 0 when there is none.
std::int64_t newest_number(const Json& run, const std::string& step) {
  const auto steps = run.find("steps");
  if (steps == run.end() || !steps->is_array()) {
    return 0;
  }
  for (const Json& one : *steps) {
    if (one.is_object() && one.value("id", Json()) == Json(step)) {
      const auto number = one.find("attempt");
      return number != one.end() && number->is_number_integer() ? number->get<std::int64_t>() : 0;
    }
  }
  return 0;
}

}  // namespace

Result<bool> TelemetryService::is_newest(const AttemptId& attempt) const {
  if (runtime_.is_current(attempt)) {
    return true;
  }
  if (core::is_deployment(attempt.run)) {  // stopped meanwhile: the last words of its newest attempt are wanted
    const Result<Json> served = store_.get_deployment(attempt.run.value);
    if (!served) {
      return served.error().code == ErrorCode::kNotFound ? Result<bool>(false) : Result<bool>(served.error());
    }
    const Json& attempts = served->at("attempts");
    return !attempts.empty() && attempts.back().value("number", 0) == attempt.number;
  }
  const Result<Json> run = store_.get_run(attempt.run.value);
  if (!run) {
    return run.error().code == ErrorCode::kNotFound ? Result<bool>(false) : Result<bool>(run.error());
  }
  return newest_number(run.value(), attempt.step.value) == attempt.number;
}

grpc::ServerUnaryReactor* TelemetryService::AppendLog(grpc::CallbackServerContext* call,
                                                      const v1::AppendLogRequest* request,
                                                      v1::AppendLogResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    LUTHIER_TRY(const AttemptId attempt, from_proto(request->attempt()));
    if (request->data().size() > kLogBytesMax) {
      return Error{ErrorCode::kInvalidArgument, "at most " + std::to_string(kLogBytesMax) + " bytes of a log per call"};
    }
    LUTHIER_TRY(const bool accepted, is_newest(attempt));
    if (!accepted) {
      response->set_refused(true);
      return {};
    }
    LUTHIER_TRY(const std::uint64_t end,
                store_.append_log(attempt, request->offset(), request->data(), request->end()));
    response->set_next_offset(end);
    return {};
  });
}

grpc::ServerUnaryReactor* TelemetryService::AppendMetrics(grpc::CallbackServerContext* call,
                                                          const v1::AppendMetricsRequest* request,
                                                          v1::AppendMetricsResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    LUTHIER_TRY(const AttemptId attempt, from_proto(request->attempt()));
    if (request->points_size() > kPointsMax) {
      return Error{ErrorCode::kInvalidArgument, "at most " + std::to_string(kPointsMax) + " points per call"};
    }
    LUTHIER_TRY(const bool accepted, is_newest(attempt));
    if (!accepted) {
      response->set_refused(true);
      return {};
    }
    std::vector<store::MetricPoint> points;
    points.reserve(static_cast<std::size_t>(request->points_size()));
    for (const v1::MetricPoint& point : request->points()) {
      points.push_back({point.series(), point.step(), point.value(), point.wall_ms()});
    }
    return store_.append_metrics(attempt, points);
  });
}

grpc::ServerUnaryReactor* TelemetryService::ReportProgress(grpc::CallbackServerContext* call,
                                                           const v1::ReportProgressRequest* request,
                                                           v1::ReportProgressResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    LUTHIER_TRY(const AttemptId attempt, from_proto(request->attempt()));
    if (!runtime_.is_current(attempt)) {
      response->set_refused(true);
      return {};
    }
    Json progress = request->progress_json().size() <= kProgressBytesMax
                        ? Json::parse(request->progress_json(), nullptr, false)
                        : Json();
    if (!progress.is_object()) {
      return Error{ErrorCode::kInvalidArgument,
                   "progress is a JSON object of at most " + std::to_string(kProgressBytesMax) + " bytes"};
    }
    progress_.update(attempt, std::move(progress));
    return {};
  });
}

}  // namespace luthier::fleet
