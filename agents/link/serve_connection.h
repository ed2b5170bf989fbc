// ServeConnection: one connection to a serving process (docs/worker-protocol.md, Serving), in a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "agents/core/input.h"
#include "agents/shim/unix_socket.h"
#include "base/unique_fd.h"

namespace luthier::agents {

// What comes back for one request; called on the connection's thread, which waits while the callee does.
struct ServeEvents {
  std::function<void(std::uint64_t request, std::string text)> token;
  std::function<void(std::uint64_t request, std::string finish_reason, std::int64_t prompt_tokens,
                     std::int64_t completion_tokens)>
      done;
  std::function<void(std::uint64_t request, std::string code, std::string message)> failure;
};

class ServeConnection {
 public:
  ServeConnection(UniqueFd socket, ServeEvents events);
  ~ServeConnection();
  ServeConnection(const ServeConnection&) = delete;
  ServeConnection& operator=(const ServeConnection&) = delete;

  // `request` is the "generate" line without its id. False when the connection has ended.
  [[nodiscard]] bool generate(std::uint64_t id, Json request);
  void cancel(std::uint64_t id);
  [[nodiscard]] bool ended() const;

 private:
  void run();
  void take_line(std::string_view line);
  [[nodiscard]] bool forget(std::uint64_t id);
  void wake();

  UniqueFd socket_;
  UniqueFd wake_;
  const ServeEvents events_;
  mutable std::mutex mutex_;  // guards the members below
  std::set<std::uint64_t> active_;
  std::string outgoing_;
  bool closing_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace luthier::agents
