#include "cli/api_client.h"

namespace luthier::cli {
namespace {

using integrations::HttpRequest;
using integrations::HttpResponse;

ErrorCode code_named(const std::string& name) {
  if (name == "invalid_argument") {
    return ErrorCode::kInvalidArgument;
  }
  if (name == "unauthenticated") {
    return ErrorCode::kUnauthenticated;
  }
  if (name == "permission_denied") {
    return ErrorCode::kPermissionDenied;
  }
  if (name == "not_found") {
    return ErrorCode::kNotFound;
  }
  if (name == "conflict") {
    return ErrorCode::kFailedPrecondition;
  }
  if (name == "too_large" || name == "resource_exhausted") {
    return ErrorCode::kResourceExhausted;
  }
  if (name == "deadline_exceeded") {
    return ErrorCode::kDeadlineExceeded;
  }
  // Not kUnavailable: the controller did answer, and kUnavailable means here that it did not.
  return ErrorCode::kInternal;
}

}  // namespace

Result<Json> ApiClient::get(const std::string& path) { return send(request_to("GET", path)); }

Result<Json> ApiClient::post(const std::string& path, const Json& body) {
  HttpRequest request = request_to("POST", path);
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return send(request);
}

Result<Json> ApiClient::put(const std::string& path, const Json& body) {
  HttpRequest request = request_to("PUT", path);
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return send(request);
}

Result<Json> ApiClient::remove(const std::string& path) { return send(request_to("DELETE", path)); }

Result<void> ApiClient::put_file(const std::string& path, const std::filesystem::path& file) {
  HttpRequest request = request_to("PUT", path);
  request.upload = file;
  request.timeout = milliseconds(0);  // as long as bytes move
  LUTHIER_TRY(const Json answer, send(request));
  static_cast<void>(answer);
  return {};
}

Result<void> ApiClient::stream(const std::string& method, const std::string& path, const Json& body,
                               const std::function<bool(std::string_view)>& on_bytes) {
  HttpRequest request = request_to(method, path);
  if (!body.is_null()) {
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  request.timeout = milliseconds(0);
  request.silence_timeout = milliseconds(0);  // a log may be silent for hours
  Result<HttpResponse> response = client_.stream(request, on_bytes);
  if (!response) {
    return unreachable(std::move(response).error());
  }
  if (response->status >= 400) {
    return refusal(*response);
  }
  return {};
}

HttpRequest ApiClient::request_to(const std::string& method, const std::string& path) const {
  return HttpRequest{.method = method,
                     .url = connection_.url + path,
                     .headers = {{"Authorization", "Bearer " + connection_.key}, {"Content-Type", "application/json"}},
                     .timeout = milliseconds(300'000)};
}

Result<Json> ApiClient::send(const HttpRequest& request) {
  Result<HttpResponse> response = client_.request(request);
  if (!response) {
    return unreachable(std::move(response).error());
  }
  if (response->status >= 400) {
    return refusal(*response);
  }
  Json json = Json::parse(response->body, nullptr, false);
  if (json.is_discarded()) {
    return Error{ErrorCode::kInternal, request.url + " did not answer in JSON; is this a Luthier controller?"};
  }
  return json;
}

Error ApiClient::refusal(const HttpResponse& response) const {
  const Json body = Json::parse(response.body, nullptr, false);
  if (!body.is_object() || !body.contains("error") || !body["error"].is_object()) {
    return {ErrorCode::kInternal, connection_.url + " answered " + std::to_string(response.status) +
                                      " without saying why; is this a Luthier controller?"};
  }
  const Json& error = body["error"];
  Error refusal{code_named(error.value("code", "")), error.value("message", "")};
  std::string rendered;
  for (const Json& detail : error.value("details", Json::array())) {
    rendered += "\n" + detail.value("rendered", detail.value("message", ""));
  }
  if (!rendered.empty()) {
    refusal.message = "the pipeline has errors" + rendered;
  }
  if (refusal.code == ErrorCode::kUnauthenticated) {
    refusal.message += " (the key is from " + connection_.key_origin + ")";
  }
  return refusal;
}

Error ApiClient::unreachable(Error error) const {
  if (error.code == ErrorCode::kUnavailable) {
    error.message = "no controller answers at " + connection_.url + "; `luthier up` starts one (" + error.message + ")";
  }
  return error;
}

std::string segment(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       byte == '-' || byte == '_' || byte == '.' || byte == '~';
    if (plain) {
      encoded += character;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

Result<ApiClient> connect(const GlobalOptions& options) {
  LUTHIER_TRY(Connection connection, find_connection(options, environment));
  return ApiClient(std::move(connection));
}

}  // namespace luthier::cli
