// Router: method and path pattern -> route. Also the decoding of paths and queries. Pure; never throws on input.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "controller/http/message.h"

namespace luthier::http {

struct Route {
  std::string method;                 // "GET"
  std::string pattern;                // "/api/v1/runs/{run}"; a {name} matches one segment that is not empty
  std::optional<store::Scope> scope;  // least scope of the key; absent: no key needed

  // One of these two. `handle` is called on a handler thread with the whole body read.
  std::function<void(const Request&, Reply)> handle;
  // Takes the body as it arrives; needs Content-Length.
  std::function<Result<std::unique_ptr<BodySink>>(const Request&)> open_sink;
  // The answer may take long: watch whether the client goes away, and cancel then.
  bool slow = false;
  // Of a method other than GET: whether it changes anything, so that the audit log has it.
  bool changes = true;
};

class Router {
 public:
  void add(Route route);

  struct Match {
    const Route* route = nullptr;  // null: see `refusal`
    std::map<std::string, std::string> parameters;
    Response refusal;  // 404, or 405 with `allow`
  };
  [[nodiscard]] std::vector<const Route*> routes() const;
  // `path` as sent, still encoded. 400 for a bad escape.
  [[nodiscard]] Match match(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };
  std::vector<Entry> entries_;
};

// %XX decoding. kInvalidArgument for a bad escape or a control character (NUL too) in the result.
[[nodiscard]] Result<std::string> decode_percent(std::string_view text);
// The inverse for one path segment or query value: everything but unreserved characters is escaped.
[[nodiscard]] std::string encode_percent(std::string_view text);
// "a=1&b=x%20y+z"; at most 64 names.
[[nodiscard]] Result<std::map<std::string, std::string>> parse_query(std::string_view query);

// Whether a key of scope `have` may do what `need` asks. Agents' credentials may do nothing here.
[[nodiscard]] bool allows(store::Scope have, store::Scope need);

}  // namespace luthier::http
