// HttpServer: the HTTP side of the controller (docs/http-api.md), on Boost.Beast.
//
// One io thread moves bytes; handlers, which read the store and the disk, run on a small pool. Every connection has
// deadlines, a header bound and a body bound; connections beyond `connections_max` are answered 503 and closed.
// Handlers see only Context and message.h: Beast stays in server.cc and session.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/artifacts/artifacts.h"
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

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one, see port()
  int handler_threads = 4;
  int connections_max = 256;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 8 * 1024 * 1024;            // of JSON; blobs are bound by blob_bytes_max
  std::uint64_t blob_bytes_max = std::uint64_t{1} << 40;
  milliseconds idle_timeout{60'000};      // until a whole request header has come
  milliseconds transfer_timeout{60'000};  // of one read of a body or one write
  milliseconds keep_alive_interval{15'000};  // comment lines on silent event streams
  milliseconds stop_grace{3'000};         // requests in progress get this long after stop()
  milliseconds log_poll_interval{250};    // how often a followed log looks for new bytes
  milliseconds model_wait_max{120'000};   // how long a generation waits for its model to be loaded
  milliseconds model_poll_interval{200};
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
