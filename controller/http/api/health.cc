#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

constexpr milliseconds kStateAnswerMax{2'000};

// Ready means: nothing speaks against it, the store writes, and the state thread answers.
void ready(Services& services, const Reply& reply) {
  if (services.context.readiness) {
    const Result<void> readiness = services.context.readiness();
    if (!readiness) {
      return reply(text_response(readiness.error().message + "\n", 503));
    }
  }
  if (const Result<void> written = services.context.store.check_writable(services.context.clock.now().wall_ms);
      !written) {
    return reply(text_response("the store cannot write: " + written.error().message + "\n", 503));
  }
  services.context.runtime.query([reply](const core::State&, Now) { reply(text_response("ready\n")); });
  services.after(kStateAnswerMax, [reply] { reply(text_response("the state thread is busy\n", 503)); });
}

}  // namespace

void add_health_routes(Router& router, Services& services) {
  router.add({.method = "GET", .pattern = "/healthz", .handle = [](const Request&, const Reply& reply) {
                reply(text_response("ok\n"));
              }});
  router.add({.method = "GET", .pattern = "/readyz", .handle = [&services](const Request&, const Reply& reply) {
                ready(services, reply);
              }});
}

}  // namespace luthier::http::api
