#include "cli/generate.h"

#include "integrations/sse.h"

namespace luthier::cli {

Result<Json> generate(ApiClient& api, const GenerateOptions& options, const Json& asked,
                      const std::function<void(std::string_view)>& on_text) {
  Json body = {
      {"model", options.model}, {"max_tokens", options.tokens_max},         {"temperature", options.temperature},
      {"top_p", options.top_p}, {"apply_template", options.apply_template}, {"stream", true}};
  body.update(asked);
  if (options.seed >= 0) {
    body["seed"] = options.seed;
  }
  Json answer = {{"text", ""}, {"finish_reason", nullptr}, {"usage", nullptr}};
  std::string text;
  Error failure{ErrorCode::kInternal, ""};
  bool whole = false;
  integrations::SseParser parser;
  const auto on_event = [&](const integrations::SseEvent& event) {
    if (event.data == "[DONE]") {
      whole = true;
      return;
    }
    const Json data = Json::parse(event.data, nullptr, false);
    if (!data.is_object()) {
      return;
    }
    if (data.contains("error")) {
      failure.message = data["error"].value("message", "the generation failed");
    } else if (data.contains("text")) {
      text += data.value("text", "");
      on_text(data.value("text", ""));
    } else if (data.contains("finish_reason")) {
      answer["finish_reason"] = data["finish_reason"];
      answer["usage"] = data.value("usage", Json());
    }
  };
  LUTHIER_TRY_VOID(api.stream("POST", "/api/v1/generate", body,
                              [&](std::string_view bytes) { return parser.feed(bytes, on_event); }));
  if (!failure.message.empty()) {
    return failure;
  }
  if (!whole) {
    return Error{ErrorCode::kInternal, "the answer of " + options.model + " was cut short"};
  }
  answer["text"] = std::move(text);
  return answer;
}

}  // namespace luthier::cli
