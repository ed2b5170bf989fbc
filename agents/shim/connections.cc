#include "agents/shim/connections.h"

#include <algorithm>

namespace luthier::shim {
namespace {
constexpr std::size_t kPendingBytesMax = std::size_t{8} << 20;
}

void Connections::add_to(std::vector<pollfd>& set) const {
  if (peers_.size() < connections_max_) {
    set.push_back({listener_.get(), POLLIN, 0});
  }
  for (const Peer& peer : peers_) {
    set.push_back({peer.fd.get(), static_cast<short>(peer.pending.empty() ? POLLIN : POLLIN | POLLOUT), 0});
  }
}

bool Connections::turn(const Handlers& handlers) {
  while (peers_.size() < connections_max_) {
    UniqueFd fd = accept_unix(listener_);
    if (!fd.valid()) {
      break;
    }
    peers_.push_back(Peer{std::move(fd), LineBuffer(line_bytes_max_), {}, false});
  }
  bool found = false;
  for (std::size_t index = 0; index < peers_.size(); ++index) {
    found = read_from(index, handlers) || found;
  }
  for (Peer& peer : peers_) {
    if (!send_some(peer.fd.get(), peer.pending)) {
      peer.gone = true;
    }
  }
  std::erase_if(peers_, [](const Peer& peer) { return peer.gone; });
  return found;
}

bool Connections::read_from(std::size_t index, const Handlers& handlers) {
  std::size_t count = 0;
  switch (read_some(peers_[index].fd.get(), buffer_, count)) {
    case ReadState::kNothing: return false;
    case ReadState::kClosed: peers_[index].gone = true; return false;
    case ReadState::kData: break;
  }
  peers_[index].lines.feed(
      std::string_view(buffer_).substr(0, count), [&](std::string_view line) { handlers.on_line(index, line); },
      handlers.on_oversized);
  return true;
}

void Connections::send(std::size_t peer, std::string_view line) {
  Peer& target = peers_.at(peer);
  if (target.pending.size() + line.size() > kPendingBytesMax) {
    target.gone = true;
    return;
  }
  target.pending.append(line);
}

void Connections::send_to_all(std::string_view line) {
  for (std::size_t index = 0; index < peers_.size(); ++index) {
    send(index, line);
  }
}

bool Connections::send_to_idle(std::string_view line) {
  bool all = true;
  for (std::size_t index = 0; index < peers_.size(); ++index) {
    if (peers_[index].pending.empty()) {
      send(index, line);
    } else {
      all = false;
    }
  }
  return all;
}

}  // namespace luthier::shim
