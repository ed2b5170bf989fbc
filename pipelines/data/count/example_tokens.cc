#include "pipelines/data/count/example_tokens.h"

#include "pipelines/data/count/image_tokens.h"
#include "pipelines/data/read/pair_names.h"

namespace luthier::data::count {
namespace {

using read::Json;

constexpr std::int64_t kPerMessage = 3;
constexpr std::int64_t kPerName = 1;
constexpr std::int64_t kPerConversation = 3;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

const Json* find(const Json& object, std::string_view name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string_view text_of(const Json& object, std::string_view name) {
  const Json* found = find(object, name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_ref<const std::string&>())
                                                : std::string_view();
}

}  // namespace

Result<std::int64_t> ExampleCounter::count_text(std::string_view text) {
  ids_.clear();
  // Texts of users: what looks like a special token is none.
  LUTHIER_TRY_VOID(encoder_.encode(text, {.add_special_tokens = false, .parse_special_tokens = false}, ids_));
  return static_cast<std::int64_t>(ids_.size());
}

Result<std::int64_t> ExampleCounter::count_content(const Json& content, ExampleTokens& example) {
  if (content.is_string()) {
    return count_text(content.get_ref<const std::string&>());
  }
  if (!content.is_array()) {
    return wrong("`content` is neither text nor a list of parts");
  }
  std::int64_t tokens = 0;
  for (const Json& part : content) {
    if (text_of(part, "type") != "image_url") {
      LUTHIER_TRY(const std::int64_t of_text, count_text(text_of(part, "text")));
      tokens += of_text;
      continue;
    }
    const Json* image = find(part, "image_url");
    const ImageTokens of_image =
        image == nullptr ? ImageTokens{} : image_tokens(text_of(*image, "url"), text_of(*image, "detail"));
    tokens += of_image.tokens;
    example.image_tokens += of_image.tokens;
    ++example.images;
    example.images_of_unknown_size += of_image.size_known ? 0 : 1;
  }
  return tokens;
}

// Names and arguments of tool calls, also of the older `function_call`.
Result<std::int64_t> ExampleCounter::count_calls(const Json& message) {
  std::int64_t tokens = 0;
  const auto add = [&](const Json& function) -> Result<void> {
    for (const char* name : {"name", "arguments"}) {
      LUTHIER_TRY(const std::int64_t of_text, count_text(text_of(function, name)));
      tokens += of_text;
    }
    return {};
  };
  if (const Json* calls = find(message, "tool_calls"); calls != nullptr && calls->is_array()) {
    for (const Json& call : *calls) {
      if (const Json* function = find(call, "function")) {
        LUTHIER_TRY_VOID(add(*function));
      }
    }
  }
  if (const Json* call = find(message, "function_call")) {
    LUTHIER_TRY_VOID(add(*call));
  }
  return tokens;
}

Result<void> ExampleCounter::add_message(const Json& message, ExampleTokens& example) {
  if (!message.is_object()) {
    return wrong("a message is no object");
  }
  const std::string_view role = text_of(message, "role");
  std::int64_t answer = 0;
  example.tokens += kPerMessage;
  ++example.messages;
  for (const auto& [name, value] : message.items()) {
    if (name == "content" && !value.is_null()) {
      LUTHIER_TRY(const std::int64_t tokens, count_content(value, example));
      example.tokens += tokens;
      answer += tokens;
    } else if (value.is_string()) {
      LUTHIER_TRY(const std::int64_t tokens, count_text(value.get_ref<const std::string&>()));
      example.tokens += tokens + (name == "name" ? kPerName : 0);
    }
  }
  LUTHIER_TRY(const std::int64_t of_calls, count_calls(message));
  example.tokens += of_calls;
  answer += of_calls;
  example.has_system = example.has_system || role == "system";
  example.has_user = example.has_user || role == "user";
  example.trained += role == "assistant" ? answer : 0;
  return {};
}

Result<void> ExampleCounter::add_messages(const Json& messages, ExampleTokens& example) {
  if (!messages.is_array()) {
    return wrong("`messages` is no list");
  }
  for (const Json& message : messages) {
    LUTHIER_TRY_VOID(add_message(message, example));
  }
  return {};
}

Result<ExampleTokens> ExampleCounter::count(const Json& record) {
  ExampleTokens example;
  if (read::kind_of(record) == read::RecordKind::kPromptCompletion) {
    const auto names = read::find_pair_names(record).value_or(read::PairNames{});
    LUTHIER_TRY(const std::int64_t prompt, count_text(text_of(record, names.prompt)));
    LUTHIER_TRY(example.trained, count_text(text_of(record, names.completion)));
    example.tokens = prompt + example.trained;
    return example;
  }
  const Json* input = find(record, "input");
  const Json& chat = input != nullptr ? *input : record;
  const Json* messages = find(chat, "messages");
  if (messages == nullptr) {
    if (find(record, "text") == nullptr) {
      return wrong("it has neither `messages` nor `prompt` and `completion` nor `text`");
    }
    LUTHIER_TRY(example.tokens, count_text(text_of(record, "text")));
    example.trained = example.tokens;
    return example;
  }
  example.chat = true;
  example.tokens = kPerConversation;
  LUTHIER_TRY_VOID(add_messages(*messages, example));
  for (const char* name : {"preferred_output", "non_preferred_output"}) {
    if (const Json* output = input != nullptr ? find(record, name) : nullptr) {
      LUTHIER_TRY_VOID(add_messages(*output, example));
    }
  }
  for (const char* name : {"tools", "functions"}) {
    if (const Json* tools = find(chat, name)) {
      LUTHIER_TRY(const std::int64_t tokens, count_text(tools->dump(-1, ' ', false, Json::error_handler_t::replace)));
      example.tokens += tokens;
    }
  }
  return example;
}

}  // namespace luthier::data::count
