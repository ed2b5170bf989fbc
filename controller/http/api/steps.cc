#include <algorithm>
#include <limits>
#include <utility>

#include "controller/http/api/api.h"
#include "controller/http/api/log_source.h"

namespace luthier::http::api {
namespace {

constexpr std::int64_t kPointsMax = 100'000;

Result<Response> log(Services& services, const Request& request) {
  LUTHIER_TRY(const Json step, find_step(services.context.store, request.parameter("run"), request.parameter("step")));
  LUTHIER_TRY(const std::int64_t attempt,
              request.query_integer("attempt", 0, 1, std::numeric_limits<std::int32_t>::max()));
  LUTHIER_TRY(const std::int64_t rank, request.query_integer("rank", 0, 0, std::numeric_limits<std::int32_t>::max()));
  LUTHIER_TRY(const std::int64_t offset,
              request.query_integer("offset", 0, 0, std::numeric_limits<std::int64_t>::max()));
  LUTHIER_TRY(const bool follow, request.query_flag("follow", false));
  std::string numbers;
  bool known = attempt == 0;
  for (const Json& one : step.at("attempts")) {
    const std::int64_t number = one.value("number", std::int64_t{0});
    known = known || number == attempt;
    numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
  }
  if (!known) {
    return Error{ErrorCode::kNotFound, "step '" + request.parameter("step") + "' has no attempt " +
                                           std::to_string(attempt) +
                                           "; its attempts: " + (numbers.empty() ? "none yet" : numbers)};
  }
  if (rank != 0 && std::ranges::none_of(step.at("attempts"), [rank](const Json& one) {
        return std::cmp_less_equal(rank, one.value("ranks", Json::array()).size());
      })) {
    return Error{ErrorCode::kNotFound, "step '" + request.parameter("step") + "' has no rank " + std::to_string(rank)};
  }
  LogSource::Wanted wanted{.run = request.parameter("run"),
                           .step = request.parameter("step"),
                           .rank = static_cast<std::int32_t>(rank),
                           .skip_bytes = static_cast<std::uint64_t>(offset),
                           .follow = follow};
  if (attempt != 0) {
    wanted.attempt = static_cast<std::int32_t>(attempt);
  }
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("luthier-log-attempts", numbers);
  response.stream = std::make_shared<LogSource>(services, std::move(wanted));
  return response;
}

Result<Response> metrics(Services& services, const Request& request) {
  LUTHIER_TRY(const Json step, find_step(services.context.store, request.parameter("run"), request.parameter("step")));
  LUTHIER_TRY(const std::int64_t after, request.query_integer("after", 0, 0, std::numeric_limits<std::int64_t>::max()));
  LUTHIER_TRY(const std::int64_t limit, request.query_integer("limit", 10'000, 1, kPointsMax));
  LUTHIER_TRY(const std::vector<store::MetricPoint> points,
              services.context.store.read_metrics(RunId{request.parameter("run")}, StepId{request.parameter("step")},
                                                  request.query_text("series"), after, static_cast<int>(limit)));
  Json list = Json::array();
  for (const store::MetricPoint& point : points) {
    list.push_back(
        {{"series", point.series}, {"step", point.step}, {"value", point.value}, {"wall_ms", point.wall_ms}});
  }
  const bool more = points.size() >= static_cast<std::size_t>(limit);
  return json_response({{"points", std::move(list)}, {"next", more ? Json(points.back().step) : Json()}});
}

}  // namespace

void add_step_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}/steps/{step}/log",
              .scope = store::Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return log(services, request); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}/steps/{step}/metrics",
              .scope = store::Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return metrics(services, request); })});
}

}  // namespace luthier::http::api
