// HttpServer: the HTTP side of the controller (docs/http-api.md), on Boost.Beast.
//
// One io thread moves bytes; handlers, which read the store and the disk, run on a small pool. Every connection has
// deadlines, a header bound and a body bound; connections beyond `connections_max` are answered 503 and closed.
// Handlers see only Context and message.h: Beast stays behind transport.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/artifacts/artifacts.h"
#include "controller/http/options.h"
#include "controller/inference.h"
#include "controller/runtime.h"
#include "controller/store/store.h"

namespace luthier::http {

// What handlers work with. Everything is borrowed and must outlive stop(); all of it is thread-safe.
struct Context {
  controller::Runtime& runtime;
  store::Store& store;
  artifacts::ArtifactStore& artifacts;
  controller::InferenceHub& inference;
  const Clock& clock;
  Log& log;
  // The newest progress message of an attempt (docs/worker-protocol.md), null when there is none. Empty: no progress.
  std::function<core::Json(const AttemptId&)> progress;
  // Why the controller cannot serve right now, for /readyz; empty: nothing speaks against it.
  std::function<Result<void>()> readiness;
};

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
  // To be called for every committed event, in order of their sequences; thread-safe, never blocks.
  void published(const store::OutboxRow& row);
  // Ends streams, lets requests in progress finish within stop_grace, joins the threads. Safe to call twice. Call it
  // before the runtime stops: requests may be waiting for its replies.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace luthier::http
