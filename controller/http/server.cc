#include "controller/http/server.h"

#include <utility>

#include "controller/http/api/api.h"
#include "controller/http/api/plans.h"
#include "controller/http/transport.h"

namespace luthier::http {

// In the order of their lifetimes: the transport goes first.
struct HttpServer::Impl {
  Impl(Context context, const Options& options) : services{.context = std::move(context), .options = options} {
    api::add_health_routes(router, services);
    api::add_run_routes(router, services);
    api::add_plan_routes(router, services);
    api::add_rerun_routes(router, services);
    api::add_event_routes(router, services);
    api::add_step_routes(router, services);
    api::add_model_routes(router, services);
    api::add_generate_routes(router, services);
    api::add_blob_routes(router, services);
    api::add_data_check_routes(router, services);
    api::add_upkeep_routes(router, services);
    api::add_access_routes(router, services);
    api::add_agent_routes(router, services);
    api::add_administration_routes(router, services);
    api::add_metrics_routes(router, services);
    transport.observe({.answered = [this](const Exchange& exchange) { count(exchange); },
                       .changing = [this](const Exchange& exchange) { audit(exchange); }});
  }

  void count(const Exchange& exchange) {
    const bool known = exchange.route != nullptr;
    services.context.metrics.requests.add(
        {known ? exchange.route->method : "other", known ? exchange.route->pattern : "none", exchange.status});
    services.context.metrics.request_seconds.observe(exchange.seconds);
  }

  // The change is durable already; an entry that cannot be written is told, not undone.
  void audit(const Exchange& exchange) {
    const Result<void> written = services.context.administration.append_audit(
        {.wall_ms = services.context.clock.now().wall_ms,
         .by = exchange.by,
         .action = exchange.route->method + " " + exchange.route->pattern,
         .target = exchange.subject.empty() ? exchange.path : exchange.subject,
         .status = exchange.status,
         .request_id = exchange.request_id});
    if (!written) {
      services.context.log.error("audit_failed", {{"why", written.error().message}, {"id", exchange.request_id}});
    }
  }

  api::Services services;
  Router router;
  Transport transport{router, [this](const std::string& key) { return services.context.store.authenticate(key); },
                      services.options, services.context.log};
};

HttpServer::HttpServer(Context context, Options options) : impl_(std::make_unique<Impl>(std::move(context), options)) {
  impl_->services.after = [&transport = impl_->transport](milliseconds delay, std::function<void()> work) {
    transport.after(delay, std::move(work));
  };
}

HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start() { return impl_->transport.start(); }

std::vector<HttpServer::RouteFacts> HttpServer::routes() const {
  std::vector<RouteFacts> facts;
  for (const Route* route : impl_->router.routes()) {
    facts.push_back({route->method, route->pattern, route->scope});
  }
  return facts;
}

std::uint16_t HttpServer::port() const { return impl_->transport.port(); }

void HttpServer::published(const store::OutboxRow& row) {
  impl_->services.context.metrics.events.add(row.name);
  impl_->services.events.published(row);
}

void HttpServer::stop() { impl_->transport.stop(); }

}  // namespace luthier::http
