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

// One request and the beginning of its answer; borrowed during the call.
struct Exchange {
  const Route* route = nullptr;  // null: the path is none of ours
  const std::string& path;
  const std::string& by;       // the key's name, "" without one
  const std::string& subject;  // of the response
  const std::string& request_id;
  int status = 0;
  double seconds = 0;  // since the header came
};

// Functions may be empty.
struct Observer {
  std::function<void(const Exchange&)> answered;  // io thread; must not block
  // A known key asked a route that changes something, allowed or not: called on a handler thread before the answer is
  // sent.
  std::function<void(const Exchange&)> changing;
};

class Transport {
 public:
  // Called on handler threads; kUnauthenticated for an unknown key.
  using Authenticate = std::function<Result<store::Principal>(const std::string& key)>;

  // `router` and `log` are borrowed and must outlive stop().
  Transport(const Router& router, Authenticate authenticate, Options options, Log& log);
  ~Transport();  // stop()
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Before start().
  void observe(Observer observer);
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
