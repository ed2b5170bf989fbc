// ApiClient: the controller's HTTP API (docs/http-api.md) as Results. An answer of 4xx or 5xx becomes an Error with the
// code and message that the controller gave; diagnostics of a pipeline become their rendered text.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/connection.h"
#include "integrations/http_client.h"

namespace luthier::cli {

using Json = nlohmann::json;

class ApiClient {
 public:
  explicit ApiClient(Connection connection) : connection_(std::move(connection)) {}

  // `path` below the URL: "/api/v1/runs".
  [[nodiscard]] Result<Json> get(const std::string& path);
  [[nodiscard]] Result<Json> post(const std::string& path, const Json& body);
  [[nodiscard]] Result<Json> put(const std::string& path, const Json& body);
  [[nodiscard]] Result<Json> remove(const std::string& path);  // DELETE
  [[nodiscard]] Result<void> put_file(const std::string& path, const std::filesystem::path& file);
  // Bytes as they come, until the answer ends or `on_bytes` gives false (then kCancelled).
  [[nodiscard]] Result<void> stream(const std::string& method, const std::string& path, const Json& body,
                                    const std::function<bool(std::string_view)>& on_bytes);

  [[nodiscard]] const std::string& url() const { return connection_.url; }

 private:
  [[nodiscard]] integrations::HttpRequest request_to(const std::string& method, const std::string& path) const;
  [[nodiscard]] Result<Json> send(const integrations::HttpRequest& request);
  [[nodiscard]] Error refusal(const integrations::HttpResponse& response) const;
  [[nodiscard]] Error unreachable(Error error) const;

  Connection connection_;
  integrations::HttpClient client_;
};

// A path's segment with everything but unreserved characters escaped: "train[lr=0.1]" -> "train%5Blr%3D0.1%5D".
[[nodiscard]] std::string segment(std::string_view text);

// Connects as the options say.
[[nodiscard]] Result<ApiClient> connect(const GlobalOptions& options);

}  // namespace luthier::cli
