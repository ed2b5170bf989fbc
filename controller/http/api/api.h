// The handlers of /api/v1, /healthz and /readyz: request -> response functions over Services. Each group of paths has
// a file of its own; docs/http-api.md is the contract.
#pragma once

#include <functional>
#include <string>

#include "controller/http/context.h"
#include "controller/http/event_hub.h"
#include "controller/http/message.h"
#include "controller/http/options.h"
#include "controller/http/router.h"

namespace luthier::http::api {

// Borrowed by every handler; outlives the transport.
struct Services {
  Context context;
  Options options;
  EventHub events;
  // Runs work on a handler thread after a delay.
  std::function<void(milliseconds, std::function<void()>)> after;
};

void add_health_routes(Router& router, Services& services);
void add_run_routes(Router& router, Services& services);
void add_rerun_routes(Router& router, Services& services);
void add_event_routes(Router& router, Services& services);
void add_step_routes(Router& router, Services& services);
void add_model_routes(Router& router, Services& services);
void add_generate_routes(Router& router, Services& services);
void add_blob_routes(Router& router, Services& services);
void add_data_check_routes(Router& router, Services& services);
void add_upkeep_routes(Router& router, Services& services);
void add_access_routes(Router& router, Services& services);
void add_administration_routes(Router& router, Services& services);
void add_metrics_routes(Router& router, Services& services);
void add_agent_routes(Router& router, Services& services);

// A handler that answers at once, from a Result.
using Answer = std::function<Result<Response>(const Request&)>;
[[nodiscard]] std::function<void(const Request&, Reply)> at_once(Answer answer);

// Answers with the run as GET /runs/{run} gives it: the store's, with what only the state knows (why steps wait) and
// the progress board's newest.
void reply_with_run(Services& services, const std::string& run, int status, const Reply& reply);

// Answers 201 with the new run once it is durable.
void submit_run(Services& services, core::SubmitRun input, const Reply& reply);

// The step of a run, as the store has it, or `serve` of a deployment: its id, status and attempts. kNotFound names the
// run or the step, and lists the run's steps.
[[nodiscard]] Result<Json> find_step(store::Store& store, const std::string& run, const std::string& step);

// kInvalidArgument unless `name` is a letter or digit and then at most 99 letters, digits, '.', '_' or '-'.
[[nodiscard]] Result<void> check_name(const std::string& what, const std::string& name);

}  // namespace luthier::http::api
