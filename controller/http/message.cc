#include "controller/http/message.h"

#include <charconv>

namespace luthier::http {
namespace {

constexpr int kJsonDepthMax = 64;

struct Mapping {
  int status;
  const char* code;
};

Mapping mapping_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return {400, "invalid_argument"};
    case ErrorCode::kNotFound: return {404, "not_found"};
    case ErrorCode::kAlreadyExists: return {409, "conflict"};
    case ErrorCode::kFailedPrecondition: return {409, "conflict"};
    case ErrorCode::kPermissionDenied: return {403, "permission_denied"};
    case ErrorCode::kUnauthenticated: return {401, "unauthenticated"};
    case ErrorCode::kResourceExhausted: return {429, "resource_exhausted"};
    case ErrorCode::kUnavailable: return {503, "unavailable"};
    case ErrorCode::kDeadlineExceeded: return {504, "deadline_exceeded"};
    case ErrorCode::kCancelled: return {409, "conflict"};
    case ErrorCode::kDataLoss: return {500, "internal"};
    case ErrorCode::kInternal: return {500, "internal"};
  }
  return {500, "internal"};
}

Response error_body(int status, const std::string& code, const std::string& message, Json details) {
  return json_response({{"error", {{"code", code}, {"message", message}, {"details", std::move(details)}}}}, status);
}

Error wrong_member(const std::string& name, const std::string& wanted) {
  return Error{ErrorCode::kInvalidArgument, "'" + name + "' must be " + wanted};
}

}  // namespace

bool Cancellation::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void Cancellation::on_cancel(std::function<void()> action) {
  {
    const std::lock_guard lock(mutex_);
    if (!cancelled_) {
      action_ = std::move(action);
      return;
    }
  }
  action();
}

void Cancellation::cancel() {
  std::function<void()> action;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    action = std::exchange(action_, nullptr);
  }
  if (action) {
    action();
  }
}

const std::string& Request::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  LUTHIER_CHECK(found != parameters.end());
  return found->second;
}

std::string Request::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

std::string Request::query_text(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

Result<std::int64_t> Request::query_integer(const std::string& name, std::int64_t fallback, std::int64_t least,
                                            std::int64_t greatest) const {
  const std::string text = query_text(name);
  if (text.empty()) {
    return fallback;
  }
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < least || value > greatest) {
    return Error{ErrorCode::kInvalidArgument, "query parameter '" + name + "' must be a whole number from " +
                                                  std::to_string(least) + " to " + std::to_string(greatest)};
  }
  return value;
}

Result<bool> Request::query_flag(const std::string& name, bool fallback) const {
  const std::string text = query_text(name);
  if (text.empty()) {
    return fallback;
  }
  if (text == "1" || text == "true") {
    return true;
  }
  if (text == "0" || text == "false") {
    return false;
  }
  return Error{ErrorCode::kInvalidArgument, "query parameter '" + name + "' must be 0 or 1"};
}

Response json_response(const Json& body, int status) {
  Response response;
  response.status = status;
  // Texts may come from a step's output; replaced bytes are better than no answer.
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

Response text_response(std::string body, int status) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response error_response(const Error& error, Json details) {
  const Mapping mapping = mapping_of(error.code);
  return error_body(mapping.status, mapping.code, error.message, std::move(details));
}

Response error_response(int status, const std::string& code, const std::string& message) {
  return error_body(status, code, message, Json::array());
}

Result<Json> json_body(const Request& request) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kJsonDepthMax;
    return !too_deep;
  };
  try {
    Json json = Json::parse(request.body, watch_depth);
    if (too_deep) {
      return Error{ErrorCode::kInvalidArgument,
                   "the body's JSON is nested deeper than " + std::to_string(kJsonDepthMax) + " levels"};
    }
    if (!json.is_object()) {
      return Error{ErrorCode::kInvalidArgument, "the body must be a JSON object"};
    }
    return json;
  } catch (const Json::parse_error& failure) {
    return Error{ErrorCode::kInvalidArgument,
                 "the body is not JSON: it goes wrong at byte " + std::to_string(failure.byte)};
  } catch (const Json::out_of_range&) {
    return Error{ErrorCode::kInvalidArgument, "the body's JSON holds a number that is too large"};
  }
}

Result<std::string> required_text(const Json& object, const std::string& name) {
  LUTHIER_TRY(std::string text, optional_text(object, name));
  if (text.empty()) {
    return wrong_member(name, "given: a text that is not empty");
  }
  return text;
}

Result<std::string> optional_text(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return std::string();
  }
  if (!found->is_string()) {
    return wrong_member(name, "a text");
  }
  return found->get<std::string>();
}

Result<std::int64_t> optional_integer(const Json& object, const std::string& name, std::int64_t fallback,
                                      std::int64_t least, std::int64_t greatest) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return fallback;
  }
  const std::string wanted = "a whole number from " + std::to_string(least) + " to " + std::to_string(greatest);
  if (!found->is_number_integer() ||
      (found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(greatest))) {
    return wrong_member(name, wanted);
  }
  const auto value = found->get<std::int64_t>();
  if (value < least || value > greatest) {
    return wrong_member(name, wanted);
  }
  return value;
}

}  // namespace luthier::http
