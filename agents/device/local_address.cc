#include "agents/device/local_address.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "base/unique_fd.h"

namespace luthier::agents {

Result<std::string> local_address_towards(const std::string& host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  const std::string host = host_and_port.substr(0, colon);
  const std::string port = colon == std::string::npos ? "1" : host_and_port.substr(colon + 1);
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_DGRAM;  // connect() then only chooses a route
  addrinfo* found = nullptr;
  if (const int failure = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); failure != 0) {
    return Error{ErrorCode::kUnavailable, "looking up '" + host + "': " + ::gai_strerror(failure)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const UniqueFd socket(::socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage local{};
    socklen_t size = sizeof(local);
    std::array<char, NI_MAXHOST> text{};
    if (socket.get() >= 0 && ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0 &&
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<const sockaddr*>(&local), size, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      return std::string(text.data());
    }
  }
  return Error{ErrorCode::kUnavailable, "nothing routes to '" + host + "'"};
}

}  // namespace luthier::agents
