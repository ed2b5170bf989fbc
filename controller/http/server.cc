#include "controller/http/server.h"

#include <utility>

#include "controller/http/api/api.h"
#include "controller/http/transport.h"

namespace luthier::http {

// In the order of their lifetimes: the transport goes first.
struct HttpServer::Impl {
  Impl(Context context, const Options& options) : services{.context = std::move(context), .options = options} {
    api::add_health_routes(router, services);
    api::add_run_routes(router, services);
    api::add_event_routes(router, services);
    api::add_step_routes(router, services);
    api::add_model_routes(router, services);
    api::add_generate_routes(router, services);
    api::add_blob_routes(router, services);
    api::add_upkeep_routes(router, services);
    api::add_access_routes(router, services);
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

std::uint16_t HttpServer::port() const { return impl_->transport.port(); }

void HttpServer::published(const store::OutboxRow& row) { impl_->services.events.published(row); }

void HttpServer::stop() { impl_->transport.stop(); }

}  // namespace luthier::http
