#include "pipelines/data/count/template_tokens.h"

#include "pipelines/data/count/image_tokens.h"

namespace luthier::data::count {
namespace {

using read::Json;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_images(const Json& content, ExampleTokens& example) {
  for (const Json& part : content) {
    if (text_of(part, "type") != "image_url") {
      continue;
    }
    const Json image = part.value("image_url", Json());
    const ImageTokens of_image = image_tokens(text_of(image, "url"), text_of(image, "detail"));
    example.tokens += of_image.tokens;
    example.image_tokens += of_image.tokens;
    ++example.images;
    example.images_of_unknown_size += of_image.size_known ? 0 : 1;
  }
}

void add_messages(const Json& messages, ExampleTokens& example) {
  example.chat = true;
  for (const Json& message : messages) {
    const std::string role = text_of(message, "role");
    ++example.messages;
    example.has_system = example.has_system || role == "system";
    example.has_user = example.has_user || role == "user";
    if (const auto content = message.find("content"); content != message.end() && content->is_array()) {
      add_images(*content, example);
    }
  }
}

}  // namespace

Result<ExampleTokens> TemplateCounter::count(const Json& record) {
  ExampleTokens example;
  const auto add = [&](const Json& conversation) -> Result<void> {
    LUTHIER_TRY(const tokens::RecordTokens read, tokenizer_.tokens_of(conversation));
    example.tokens += static_cast<std::int64_t>(read.tokens.ids.size());
    example.trained += static_cast<std::int64_t>(read.trained_count());
    if (read.kind == read::RecordKind::kChat || read.kind == read::RecordKind::kGraderData) {
      add_messages(conversation["messages"], example);
    }
    return {};
  };
  if (read::kind_of(record) != read::RecordKind::kPreference) {
    LUTHIER_TRY_VOID(add(record));
    return example;
  }
  for (const char* answer : {"preferred_output", "non_preferred_output"}) {
    LUTHIER_TRY(const Json conversation, tokens::conversation_of(record, answer));
    LUTHIER_TRY_VOID(add(conversation));
  }
  return example;
}

}  // namespace luthier::data::count
