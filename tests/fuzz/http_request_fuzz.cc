// What of an HTTP request is read by our own code: path, query and JSON body. Lines: path, query, body.
#include "controller/http/router.h"
#include "tests/fuzz/fuzz.h"

namespace luthier::http {
namespace {

Router make_router() {
  Router router;
  for (const char* pattern : {"/healthz", "/api/v1/runs", "/api/v1/runs/{run}/steps/{step}/log"}) {
    router.add({.method = "GET", .pattern = pattern, .handle = [](const Request&, const Reply&) {}});
  }
  return router;
}

}  // namespace
}  // namespace luthier::http

void luthier::fuzz::one_input(std::string_view bytes) {
  static const http::Router kRouter = http::make_router();
  const std::size_t path_end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view path = bytes.substr(0, path_end);
  const http::Router::Match match = kRouter.match("GET", path);
  LUTHIER_CHECK((match.route != nullptr) != (match.refusal.status >= 400));
  const auto decoded = http::decode_percent(path);
  if (decoded) {
    const auto again = http::decode_percent(http::encode_percent(*decoded));
    LUTHIER_CHECK(again.has_value() && *again == *decoded);
  }
  if (path_end == bytes.size()) {
    return;
  }
  const std::string_view rest = bytes.substr(path_end + 1);
  const std::size_t query_end = std::min(rest.find('\n'), rest.size());
  http::Request request;
  if (auto query = http::parse_query(rest.substr(0, query_end))) {
    request.query = std::move(*query);
    (void)request.query_integer("limit", 20, 1, 1'000);
    (void)request.query_flag("follow", false);
  }
  request.body = rest.substr(query_end);
  const auto body = http::json_body(request);
  if (body) {
    (void)http::required_text(*body, "name");
    (void)http::optional_text(*body, "name");
    (void)http::optional_integer(*body, "number", 0, -5, 5);
    LUTHIER_CHECK(!http::json_response(*body).body.empty());
  } else {
    LUTHIER_CHECK(http::error_response(body.error()).status >= 400);
  }
}
