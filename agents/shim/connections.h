// The shim's two sockets: the agent's (control) and the step's (worker). Many connections each, none may block.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/shim/unix_socket.h"

namespace luthier::shim {

class Connections {
 public:
  // At most `connections_max` at once; more wait in the listener's queue.
  Connections(UniqueFd listener, std::size_t line_bytes_max, std::size_t connections_max)
      : listener_(std::move(listener)), line_bytes_max_(line_bytes_max), connections_max_(connections_max) {}

  [[nodiscard]] std::size_t size() const { return peers_.size(); }

  // Adds what to wait for.
  void add_to(std::vector<pollfd>& set) const;

  struct Handlers {
    std::function<void(std::size_t peer, std::string_view line)> on_line;  // `peer`: for send()
    std::function<void()> on_oversized;
  };
  // Accepts who waits, reads at most one buffer from each peer, writes what is pending, drops who left. Returns
  // whether a read found anything.
  bool turn(const Handlers& handlers);

  // Queues a line (with its newline); a peer that leaves 8 MiB unread is dropped instead.
  void send(std::size_t peer, std::string_view line);
  void send_to_all(std::string_view line);
  // The same, left out for peers that have not read their last one yet. Returns whether all were sent to.
  bool send_to_idle(std::string_view line);

 private:
  struct Peer {
    UniqueFd fd;
    LineBuffer lines;
    std::string pending;
    bool gone = false;
  };
  bool read_from(std::size_t index, const Handlers& handlers);

  UniqueFd listener_;
  std::size_t line_bytes_max_;
  std::size_t connections_max_;
  std::vector<Peer> peers_;
  std::string buffer_ = std::string(std::size_t{1} << 16, '\0');
};

}  // namespace luthier::shim
