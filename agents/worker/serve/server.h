// Server: many requests on a Unix socket, one answerer. Free of LibTorch.
//
// One thread does everything, a token at a time: it takes what has arrived, makes one token of each running answer
// in turn, and writes what the connections will take. A connection that does not read stops only its own
// answers. Bounds: 64 connections, 64 running answers, 256 waiting ones, 2 MiB a line, 256 KiB unsent per
// connection; what is over a bound is refused with an `error` line (code "overloaded") or, for lines, by closing.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "agents/worker/serve/answerer.h"
#include "base/result.h"

namespace luthier::worker {

class Server {
 public:
  // Listens on `socket_path` (a stale file there is replaced). `answerer` must outlive the server.
  [[nodiscard]] static Result<std::unique_ptr<Server>> listen(const std::filesystem::path& socket_path,
                                                              Answerer& answerer);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until `stop_requested` says true (asked a few times a second when idle, and between tokens).
  [[nodiscard]] Result<void> run(const std::function<bool()>& stop_requested);

 private:
  class Loop;
  explicit Server(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace luthier::worker
