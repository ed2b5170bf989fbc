// HttpServer: the HTTP side of the controller (docs/http-api.md): the routes of api/ on a Transport.
//
// One io thread moves bytes; handlers, which read the store and the disk, run on a small pool. Every connection has
// deadlines, a header bound and a body bound; connections beyond Options::connections_max are answered 503. Handlers
// see only Context and message.h; Boost.Beast stays behind transport.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/http/context.h"
#include "controller/http/options.h"

namespace luthier::http {

class HttpServer {
 public:
  HttpServer(Context context, Options options);
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds, listens and starts the threads. kUnavailable says which address is taken.
  [[nodiscard]] Result<void> start();
  // The port in use; valid after start().
  [[nodiscard]] std::uint16_t port() const;
  struct RouteFacts {
    std::string method;
    std::string pattern;
    std::optional<store::Scope> scope;
  };
  // Every path that is answered; docs/openapi.yaml describes the same ones.
  [[nodiscard]] std::vector<RouteFacts> routes() const;
  // To be called for every committed event, in order of their sequences; thread-safe, never blocks.
  void published(const store::OutboxRow& row);
  // Ends streams, lets requests in progress finish within stop_grace, joins the threads. Safe to call twice. Call it
  // before the runtime stops, and destroy this after that: the runtime may still hold callbacks into it.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace luthier::http
