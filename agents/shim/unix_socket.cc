#include "agents/shim/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace luthier::shim {
namespace {

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() > kSocketPathBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "socket path " + text + " is longer than " +
                                                  std::to_string(kSocketPathBytesMax) +
                                                  " bytes; set a shorter runtime folder"};
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

Error socket_error(const std::string& what, const std::filesystem::path& path) {
  const int code = errno;
  const bool absent = code == ENOENT || code == ECONNREFUSED || code == EAGAIN;
  return Error{absent ? ErrorCode::kUnavailable : ErrorCode::kInternal,
               what + " " + path.string() + ": " + std::strerror(code)};
}

UniqueFd make_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

}  // namespace

Result<UniqueFd> listen_unix(const std::filesystem::path& path) {
  LUTHIER_TRY(const sockaddr_un address, address_of(path));
  UniqueFd fd = make_socket();
  ::unlink(path.c_str());
  if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd.get(), 16) != 0) {
    return socket_error("cannot listen on", path);
  }
  return fd;
}

Result<UniqueFd> connect_unix(const std::filesystem::path& path) {
  LUTHIER_TRY(const sockaddr_un address, address_of(path));
  UniqueFd fd = make_socket();
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return socket_error("cannot connect to", path);
  }
  return fd;
}

UniqueFd accept_unix(const UniqueFd& listener) {
  return UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

void LineBuffer::feed(std::string_view bytes, const std::function<void(std::string_view)>& on_line,
                      const std::function<void()>& on_oversized) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (!dropping_ && partial_.size() + piece.size() > line_bytes_max_) {
      dropping_ = true;
      partial_ = {};
      on_oversized();
    }
    if (!dropping_) {
      if (end != std::string_view::npos && partial_.empty()) {
        on_line(piece);
      } else {
        partial_.append(piece);
        if (end != std::string_view::npos) {
          on_line(partial_);
          partial_.clear();
        }
      }
    }
    if (end == std::string_view::npos) {
      return;
    }
    dropping_ = false;
    bytes.remove_prefix(end + 1);
  }
}

ReadState read_some(int fd, std::string& buffer, std::size_t& count) {
  while (true) {
    const ssize_t result = ::read(fd, buffer.data(), buffer.size());
    if (result > 0) {
      count = static_cast<std::size_t>(result);
      return ReadState::kData;
    }
    if (result < 0 && errno == EINTR) {
      continue;
    }
    return result < 0 && errno == EAGAIN ? ReadState::kNothing : ReadState::kClosed;
  }
}

bool send_some(int fd, std::string& pending) {
  while (!pending.empty()) {
    const ssize_t result = ::send(fd, pending.data(), pending.size(), MSG_NOSIGNAL);
    if (result < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno == EAGAIN;
    }
    pending.erase(0, static_cast<std::size_t>(result));
  }
  return true;
}

}  // namespace luthier::shim
