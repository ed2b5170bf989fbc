#include "agents/worker/serve/request.h"

#include <cmath>
#include <random>

#include "pipelines/text/chat/bounded_json.h"

namespace luthier::worker {
namespace {

using Json = text::ChatJson;  // chat templates show the order of members

constexpr std::size_t kPromptBytesMax = std::size_t{1} << 20;
constexpr std::size_t kStopsMax = 16;
constexpr std::size_t kStopBytesMax = 256;
constexpr std::int64_t kTokensMax = std::int64_t{1} << 20;

Error bad(const std::string& what) { return {ErrorCode::kInvalidArgument, what}; }

const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Result<text::ChatJson> read_chat(const Json& json) {
  const Json* messages = find(json, "messages");
  if (!messages->is_array() || messages->empty()) {
    return bad("messages must be a list of {role, content}");
  }
  for (const Json& message : *messages) {
    const Json* content = message.is_object() ? find(message, "content") : nullptr;
    const bool has_words = content != nullptr && (content->is_string() || content->is_array());
    const bool calls = message.is_object() && content == nullptr && find(message, "tool_calls") != nullptr;
    if (!has_words && !calls) {
      return bad("the content of every message must be a string, or a list of parts, unless it calls tools");
    }
  }
  text::ChatJson chat = {{"messages", *messages}};
  if (const Json* given = find(json, "tools")) {
    Json tools = given->is_string() ? text::parse_bounded_json(given->get_ref<const std::string&>()) : *given;
    if (!tools.is_array()) {
      return bad("tools must be a list, or the JSON text of one");
    }
    chat["tools"] = std::move(tools);
  }
  return chat;
}

Result<void> read_prompt(const Json& json, GenerateRequest& request) {
  const Json* prompt = find(json, "prompt");
  const Json* messages = find(json, "messages");
  if ((prompt == nullptr) == (messages == nullptr)) {
    return bad("give prompt or messages (one of them)");
  }
  request.apply_template = messages != nullptr;
  if (prompt != nullptr) {
    if (!prompt->is_string()) {
      return bad("prompt must be a string");
    }
    request.prompt = prompt->get<std::string>();
  } else {
    LUTHIER_TRY(request.chat, read_chat(json));
  }
  if (request.prompt.size() > kPromptBytesMax) {
    return bad("the prompt is longer than 1 MiB");
  }
  if (const Json* apply = find(json, "apply_template")) {
    if (!apply->is_boolean()) {
      return bad("apply_template must be true or false");
    }
    request.apply_template = apply->get<bool>();
  }
  return {};
}

Result<void> read_number(const Json& json, const char* name, double least, double most, double& value) {
  const Json* found = find(json, name);
  if (found == nullptr) {
    return {};
  }
  const double number = found->is_number() ? found->get<double>() : std::nan("");
  if (!(number >= least && number <= most)) {
    return bad(std::string(name) + " must be a number from " + Json(least).dump() + " to " + Json(most).dump());
  }
  value = number;
  return {};
}

Result<void> read_sampling(const Json& json, GenerateRequest& request) {
  LUTHIER_TRY_VOID(read_number(json, "temperature", 0, 100, request.sampling.temperature));
  LUTHIER_TRY_VOID(read_number(json, "top_p", 0, 1, request.sampling.top_p));
  if (const Json* tokens = find(json, "max_tokens")) {
    if (!tokens->is_number_integer() || tokens->get<std::int64_t>() < 1 || tokens->get<std::int64_t>() > kTokensMax) {
      return bad("max_tokens must be a whole number of at least 1");
    }
    request.max_tokens = tokens->get<std::int64_t>();
  }
  request.sampling.seed = std::random_device{}();
  if (const Json* seed = find(json, "seed")) {
    if (!seed->is_number_integer()) {
      return bad("seed must be a whole number");
    }
    request.sampling.seed =
        seed->is_number_unsigned() ? seed->get<std::uint64_t>() : static_cast<std::uint64_t>(seed->get<std::int64_t>());
  }
  return {};
}

Result<void> read_stops(const Json& json, GenerateRequest& request) {
  const Json* found = find(json, "stop");
  if (found == nullptr) {
    return {};
  }
  const Json list = found->is_array() ? *found : Json::array({*found});
  for (const Json& stop : list) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().size() > kStopBytesMax ||
        request.stop.size() == kStopsMax) {
      return bad("stop must be at most 16 strings of at most 256 bytes");
    }
    request.stop.push_back(stop.get<std::string>());
  }
  return {};
}

Result<GenerateRequest> parse_generate(const Json& json, const std::string& id) {
  GenerateRequest request;
  request.id = id;
  LUTHIER_TRY_VOID(read_prompt(json, request));
  LUTHIER_TRY_VOID(read_sampling(json, request));
  LUTHIER_TRY_VOID(read_stops(json, request));
  return request;
}

// Text from a model may hold anything; what is not UTF-8 becomes U+FFFD.
std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::variant<Request, RequestError> parse_request(std::string_view line) {
  const Json json = text::parse_bounded_json(line);
  if (!json.is_object()) {
    return RequestError{"", "not a JSON object, or one that is nested too deeply"};
  }
  const Json* id = find(json, "id");
  if (id == nullptr || !id->is_string() || id->get_ref<const std::string&>().empty()) {
    return RequestError{"", "a request needs an id, a string"};
  }
  const Json* type = find(json, "type");
  if (type != nullptr && *type == "cancel") {
    return Request{CancelRequest{id->get<std::string>()}};
  }
  if (type == nullptr || *type != "generate") {
    return RequestError{id->get<std::string>(), "type must be \"generate\" or \"cancel\""};
  }
  auto request = parse_generate(json, id->get<std::string>());
  if (!request) {
    return RequestError{id->get<std::string>(), request.error().message};
  }
  return Request{std::move(*request)};
}

Result<std::string> joined_messages(const text::ChatJson& chat) {
  std::string text;
  for (const text::ChatJson& message : chat.at("messages")) {
    const Json* content = find(message, "content");
    std::string words = content != nullptr && content->is_string() ? content->get<std::string>() : std::string();
    for (const Json& part : content != nullptr && content->is_array() ? *content : Json::array()) {
      const Json* said = part.is_object() ? find(part, "text") : nullptr;
      if (said == nullptr || !said->is_string()) {
        return bad("the content of every message must be text: this model reads nothing else");
      }
      words += said->get<std::string>();
    }
    text += (text.empty() ? "" : "\n") + words;
  }
  return text;
}

std::string delta_line(const std::string& id, const std::string& text) {
  return line_of({{"id", id}, {"type", "delta"}, {"text", text}});
}

std::string done_line(const std::string& id, std::string_view finish_reason, const Usage& usage) {
  return line_of({{"id", id},
                  {"type", "done"},
                  {"finish_reason", finish_reason},
                  {"usage", {{"prompt_tokens", usage.prompt_tokens}, {"completion_tokens", usage.completion_tokens}}}});
}

std::string error_line(const std::string& id, std::string_view code, std::string_view message) {
  return line_of({{"id", id}, {"type", "error"}, {"code", code}, {"message", message}});
}

}  // namespace luthier::worker
