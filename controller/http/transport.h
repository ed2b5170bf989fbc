// Transport: listener, connections and threads of the HTTP server; knows routes, not what they mean.
//
//   io thread:       accepts, reads, writes, keeps deadlines. A connection's state is touched on its strand only.
//   handler threads: authenticate(), handlers, sources and sinks, at most one at a time for each connection; so
//                    Options::connections_max bounds the queue of the pool too.
//
// State of a connection:
//   1 header --parsed--> 2 authenticate --allowed--> 3 body (json in memory | upload through a sink)
//   3 --whole--> 4 handle --reply--> 5 write (whole | stream: pull, write, pull ...) --done--> 1 (keep-alive) or closed
//   any --error known to the client--> 5, then closed when the request's body was not read to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "controller/http/message.h"
#include "controller/http/options.h"
#include "controller/http/router.h"

namespace luthier::http {

class Transport {
 public:
  // Called on handler threads; kUnauthenticated for an unknown key.
  using Authenticate = std::function<Result<store::Principal>(const std::string& key)>;

  // `router` and `log` are borrowed and must outlive stop().
  Transport(const Router& router, Authenticate authenticate, Options options, Log& log);
  ~Transport();  // stop()
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Binds and starts the threads. kUnavailable says which address cannot be had and why.
  [[nodiscard]] Result<void> start();
  [[nodiscard]] std::uint16_t port() const;
  // Ends streams, gives requests in progress Options::stop_grace, joins the threads. Safe to call twice.
  void stop();

  // Runs `work` on a handler thread, after a delay. Thread-safe. Dropped when the transport stops.
  void after(milliseconds delay, std::function<void()> work);

  struct Impl;  // for session.cc

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace luthier::http
