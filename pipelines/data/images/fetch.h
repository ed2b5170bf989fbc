// Fetch: an image from an http(s) URL that a data file names. The file may be anybody's: addresses of private networks
// are refused at the moment of connecting (so that no name or redirect leads there), size, time and redirects are
// bounded.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"

namespace luthier::data::images {

struct FetchOptions {
  bool allow_private = false;
  std::size_t bytes_max = 10'000'000;
  std::chrono::milliseconds timeout{10'000};  // of one image, whole
};

// One per thread: it keeps connections open. Uses no proxy, sends no cookies, verifies certificates.
class Fetcher {
 public:
  explicit Fetcher(FetchOptions options);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  // kPermissionDenied: a private address; kResourceExhausted: too large; kUnavailable: anything else that fails.
  [[nodiscard]] Result<std::string> fetch(const std::string& url);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Loopback, private, link-local (with it cloud metadata), shared, multicast, reserved, and IPv4 inside IPv6 of these
// kinds.
[[nodiscard]] bool is_private_address(const sockaddr& address);

}  // namespace luthier::data::images
