// Messages: requests, responses and byte streams as handlers see them. No sockets, no Beast.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/store/store.h"

namespace luthier::http {

using store::Json;

// Tells long work that nobody waits for its answer any more. Thread-safe.
class Cancellation {
 public:
  [[nodiscard]] bool cancelled() const;
  // Calls `action` once when cancelled; at once when that is already so. Replaces the action before it.
  void on_cancel(std::function<void()> action);
  void cancel();

 private:
  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::function<void()> action_;
};

struct Request {
  std::string id;                                 // of x-request-id
  std::string method;                             // "GET"
  std::string path;                               // as sent, without the query
  std::map<std::string, std::string> parameters;  // of the route's pattern, decoded
  std::map<std::string, std::string> query;       // decoded; the last of a repeated name
  std::map<std::string, std::string> headers;     // names in lower case
  std::string body;
  std::uint64_t content_length = 0;
  store::Principal principal;  // empty name on routes that need no key
  std::shared_ptr<Cancellation> cancellation;

  [[nodiscard]] const std::string& parameter(const std::string& name) const;   // must be in the pattern
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;  // "" when absent
  [[nodiscard]] std::string query_text(const std::string& name) const;         // "" when absent
  // An integer of the query; kInvalidArgument names the parameter and its bounds.
  [[nodiscard]] Result<std::int64_t> query_integer(const std::string& name, std::int64_t fallback, std::int64_t least,
                                                   std::int64_t greatest) const;
  [[nodiscard]] Result<bool> query_flag(const std::string& name, bool fallback) const;  // 0 or 1
};

// A body made while it is sent. pull() is called on a handler thread, never twice at once, and only when the client
// has taken what came before: the client's pace holds the source back.
class BodySource {
 public:
  struct Piece {
    std::string bytes;
    bool end = false;
    bool broken = false;          // cannot go on: the connection is cut, so that the client sees that it is not whole
    milliseconds retry_after{0};  // with no bytes: pull again then at the latest; 0: only when woken
  };

  virtual ~BodySource() = default;
  [[nodiscard]] virtual Piece pull() = 0;
  // Called once before the first pull(). `wake` is thread-safe, may be called at any time, and makes a waiting
  // session pull again.
  virtual void start(std::function<void()> wake) { (void)wake; }
  // What keeps a silent stream alive ("" for none).
  [[nodiscard]] virtual std::string keep_alive() const { return {}; }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string subject;                        // what was made or changed, where the path does not name it
  std::shared_ptr<BodySource> stream;         // when set, `body` is not used
  std::optional<std::uint64_t> stream_bytes;  // known length of the stream; otherwise chunked
};

// A body taken while it arrives; called on handler threads, one call at a time. Destroyed unfinished when the client
// goes away.
class BodySink {
 public:
  virtual ~BodySink() = default;
  [[nodiscard]] virtual Result<void> write(std::string_view bytes) = 0;
  [[nodiscard]] virtual Response finish() = 0;
};

// Called exactly once, from any thread.
using Reply = std::function<void(Response)>;

[[nodiscard]] Response json_response(const Json& body, int status = 200);
[[nodiscard]] Response text_response(std::string body, int status = 200);
// The one place where errors become HTTP (docs/http-api.md). `details` is an array.
[[nodiscard]] Response error_response(const Error& error, Json details = Json::array());
// For what has no ErrorCode of its own: 404 of a route, 405, 413, 431.
[[nodiscard]] Response error_response(int status, const std::string& code, const std::string& message);

// The request's body as a JSON object: UTF-8, at most 64 levels deep. kInvalidArgument says where it is wrong.
[[nodiscard]] Result<Json> json_body(const Request& request);

// One member of a JSON object. kInvalidArgument names a member that is missing or of another type.
[[nodiscard]] Result<std::string> required_text(const Json& object, const std::string& name);
[[nodiscard]] Result<std::string> optional_text(const Json& object, const std::string& name);
[[nodiscard]] Result<std::int64_t> optional_integer(const Json& object, const std::string& name, std::int64_t fallback,
                                                    std::int64_t least, std::int64_t greatest);

}  // namespace luthier::http
