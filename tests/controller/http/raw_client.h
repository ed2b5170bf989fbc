// A plain blocking HTTP client for tests: sends any bytes, reads one response, decodes chunks. Every wait is bounded.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace luthier::http {

struct RawResponse {
  int status = 0;                              // 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  // lower case
  std::string body;
  bool whole = false;  // the body ended as it promised
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_timeout_seconds = 20)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{receive_timeout_seconds, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  // False when the other side does not take it all.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool request(const std::string& method, const std::string& target, const std::string& body = {},
               const std::map<std::string, std::string>& headers = {}) const {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    for (const auto& [name, value] : headers) {
      text += name + ": " + value + "\r\n";
    }
    if (!body.empty() || method != "GET") {
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return send(text + "\r\n" + body);
  }

  // Reads header and body.
  RawResponse response() {
    RawResponse read = header();
    if (read.status == 0 || read.status == 100) {
      return read;
    }
    if (read.headers.count("content-length") != 0) {
      const std::size_t size = std::strtoull(read.headers["content-length"].c_str(), nullptr, 10);
      read.whole = fill(size);
      read.body = take(std::min(size, buffer_.size()));
      return read;
    }
    while (true) {
      std::string piece;
      const int state = chunk(piece);
      read.body += piece;
      if (state != 1) {
        read.whole = state == 0;
        return read;
      }
    }
  }

  RawResponse header() {
    RawResponse read;
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) {
        return read;
      }
    }
    const std::string text = take(buffer_.find("\r\n\r\n") + 4);
    read.status = std::atoi(text.substr(9, 3).c_str());
    std::size_t start = text.find("\r\n") + 2;
    while (start + 2 < text.size()) {
      const std::size_t end = text.find("\r\n", start);
      const std::size_t colon = text.find(':', start);
      std::string name = text.substr(start, colon - start);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      read.headers[name] = text.substr(colon + 2, end - colon - 2);
      start = end + 2;
    }
    return read;
  }

  // One chunk: 1 there was one, 0 it was the last, -1 the connection ended.
  int chunk(std::string& piece) {
    while (buffer_.find("\r\n") == std::string::npos) {
      if (!more()) {
        return -1;
      }
    }
    const std::string line = take(buffer_.find("\r\n") + 2);
    const std::size_t size = std::strtoull(line.c_str(), nullptr, 16);
    if (!fill(size + 2)) {
      return -1;
    }
    piece = take(size);
    take(2);
    return size == 0 ? 0 : 1;
  }

  // Whether the other side closes within the receive timeout; what comes before is dropped.
  bool closed() {
    while (more()) {
    }
    return errno != EAGAIN;
  }

  void finish_sending() const { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  bool more() {
    char bytes[65536];
    errno = 0;
    const ssize_t count = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
    if (count <= 0) {
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  bool fill(std::size_t size) {
    while (buffer_.size() < size) {
      if (!more()) {
        return false;
      }
    }
    return true;
  }
  std::string take(std::size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }

  UniqueFd fd_;
  std::string buffer_;
};

// One request on a connection of its own.
inline RawResponse exchange(std::uint16_t port, const std::string& method, const std::string& target,
                            const std::string& body = {}, const std::map<std::string, std::string>& headers = {}) {
  RawClient client(port);
  client.request(method, target, body, headers);
  return client.response();
}

}  // namespace luthier::http
