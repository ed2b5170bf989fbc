// HttpClient: HTTP requests over libcurl, with deadlines, bounded retries and cancellation. Never logs, never follows
// redirects, speaks http and https only. Header values (keys) are in no error message.
//
// One client may be used by one thread at a time; it keeps connections open between requests. Make one per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace luthier::integrations {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::filesystem::path> upload;  // sent as the body instead, read while it is sent
  milliseconds connect_timeout{5'000};
  milliseconds timeout{60'000};                   // of one try, whole; 0: none
  milliseconds silence_timeout{60'000};           // of a try in which no byte moves; rounded up to seconds; 0: none
  std::size_t body_bytes_max = 64 * 1024 * 1024;  // of the answer, when it is kept
  // Further tries after a failed connection, a cut answer, 502, 503 or 504; only for GET, HEAD, PUT and DELETE, with
  // growing pauses and jitter.
  int retries = 2;
  // Asked about once a second, and whenever bytes move; true ends the request with kCancelled.
  std::function<bool()> cancelled;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a repeated name
  std::string body;
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // Any answer is a success, whatever its status. kUnavailable: no connection, or it broke; kDeadlineExceeded: too
  // slow; kCancelled; kResourceExhausted: the answer is larger than allowed; kNotFound: the file to upload.
  [[nodiscard]] Result<HttpResponse> request(const HttpRequest& request);

  // Hands the body of a 2xx answer over as it comes; false from `on_bytes` ends the request with kCancelled. The body
  // of any other answer is kept in the response. Never tries again: what was handed over cannot be taken back.
  using OnBytes = std::function<bool(std::string_view)>;
  [[nodiscard]] Result<HttpResponse> stream(const HttpRequest& request, const OnBytes& on_bytes);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace luthier::integrations
