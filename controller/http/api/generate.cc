#include "controller/http/api/generate_call.h"

namespace luthier::http::api {
namespace {

constexpr std::int64_t kTokensMax = 100'000;
constexpr std::size_t kStopsMax = 16;

Error invalid(const std::string& message) { return Error{ErrorCode::kInvalidArgument, message}; }

Result<void> read_number(const Json& body, const std::string& name, double least, double greatest, Json& into) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    return {};
  }
  if (!found->is_number() || found->get<double>() < least || found->get<double>() > greatest) {
    return invalid("'" + name + "' must be a number from " + Json(least).dump() + " to " + Json(greatest).dump());
  }
  into[name] = *found;
  return {};
}

Result<void> read_messages(const Json& messages, Json& into) {
  if (!messages.is_array() || messages.empty()) {
    return invalid("'messages' must be an array that is not empty");
  }
  for (const Json& message : messages) {
    const bool calls = message.is_object() && message.contains("tool_calls") && message["tool_calls"].is_array();
    const Json content = message.is_object() ? message.value("content", Json()) : Json();
    const bool good = message.is_object() && message.contains("role") && message["role"].is_string() &&
                      (content.is_string() || content.is_array() || (content.is_null() && calls));
    if (!good) {
      return invalid(
          "each of 'messages' must be {\"role\": text, \"content\": text or parts}; content may be missing where "
          "'tool_calls' is a list");
    }
    Json& taken = into["messages"].emplace_back(Json::object());
    for (const char* member : {"role", "content", "name", "tool_calls", "tool_call_id"}) {
      if (message.contains(member)) {
        taken[member] = message[member];
      }
    }
  }
  return {};
}

// As text, since a chat template shows a declaration's members in their order, which Json does not keep.
Result<void> read_tools(const Request& request, const Json& body, Json& into) {
  const auto found = body.find("tools");
  if (found == body.end() || found->is_null()) {
    return {};
  }
  const bool good = found->is_string() ? Json::parse(found->get_ref<const std::string&>(), nullptr, false).is_array()
                                       : found->is_array();
  if (!good || !body.contains("messages")) {
    return invalid("'tools' must be an array, or the JSON text of one, beside 'messages'");
  }
  into["tools"] = found->is_string() ? *found : Json(nlohmann::ordered_json::parse(request.body)["tools"].dump());
  return {};
}

Result<void> read_stops(const Json& body, Json& into) {
  const auto found = body.find("stop");
  if (found == body.end() || found->is_null()) {
    return {};
  }
  const Json stops = found->is_string() ? Json::array({*found}) : *found;
  if (!stops.is_array() || stops.size() > kStopsMax) {
    return invalid("'stop' must be a text, or an array of at most " + std::to_string(kStopsMax) + " texts");
  }
  for (const Json& stop : stops) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      return invalid("'stop' must hold texts that are not empty");
    }
  }
  into["stop"] = stops;
  return {};
}

Result<bool> read_flag(const Json& body, const std::string& name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    return false;
  }
  if (!found->is_boolean()) {
    return invalid("'" + name + "' must be true or false");
  }
  return found->get<bool>();
}

Result<GenerateCall::Wanted> read_wanted(const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  GenerateCall::Wanted wanted;
  LUTHIER_TRY(wanted.model, required_text(body, "model"));
  LUTHIER_TRY(wanted.stream, read_flag(body, "stream"));
  Json& generate = wanted.request = {{"type", "generate"}};
  const bool has_prompt = body.contains("prompt") && !body["prompt"].is_null();
  const bool has_messages = body.contains("messages") && !body["messages"].is_null();
  if (has_prompt == has_messages) {
    return invalid("give 'prompt' or 'messages', one of them");
  }
  if (has_prompt) {
    LUTHIER_TRY(generate["prompt"], optional_text(body, "prompt"));
  } else {
    LUTHIER_TRY_VOID(read_messages(body["messages"], generate));
  }
  LUTHIER_TRY_VOID(read_tools(request, body, generate));
  LUTHIER_TRY(generate["max_tokens"], optional_integer(body, "max_tokens", 256, 1, kTokensMax));
  LUTHIER_TRY_VOID(read_number(body, "temperature", 0, 10, generate));
  LUTHIER_TRY_VOID(read_number(body, "top_p", 0, 1, generate));
  if (body.contains("seed") && !body["seed"].is_null()) {
    LUTHIER_TRY(generate["seed"], optional_integer(body, "seed", 0, 0, std::int64_t{1} << 53));
  }
  LUTHIER_TRY_VOID(read_stops(body, generate));
  if (has_prompt || body.contains("apply_template")) {  // messages take the template unless they say otherwise
    LUTHIER_TRY(generate["apply_template"], read_flag(body, "apply_template"));
  }
  return wanted;
}

}  // namespace

void add_generate_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/generate",
              .scope = store::Scope::kDeveloper,
              .handle =
                  [&services](const Request& request, const Reply& reply) {
                    Result<GenerateCall::Wanted> wanted = read_wanted(request);
                    if (!wanted) {
                      return reply(error_response(wanted.error()));
                    }
                    std::make_shared<GenerateCall>(services, std::move(*wanted), request.cancellation, reply)->start();
                  },
              .slow = true,
              .changes = false});
}

}  // namespace luthier::http::api
