#include "agents/worker/formats/chat_format.h"

#include "base/file.h"
#include "pipelines/text/chat/chat_tokens.h"
#include "pipelines/text/chat/plain_template.h"

namespace luthier::worker {
namespace {

constexpr std::uint64_t kTemplateBytesMax = std::uint64_t{16} << 20;

std::string role_of(const text::ChatJson& message) {
  const auto role = message.is_object() ? message.find("role") : message.end();
  return message.is_object() && role != message.end() && role->is_string() ? role->get<std::string>() : std::string();
}

}  // namespace

Result<ChatFormat> find_chat_format(const ChatFolders& folders) {
  std::error_code ignored;
  if (folders.adapter.has_value() && std::filesystem::exists(*folders.adapter / "chat_template.jinja", ignored)) {
    const std::filesystem::path file = *folders.adapter / "chat_template.jinja";
    LUTHIER_TRY(std::string source, read_file(file, kTemplateBytesMax));
    LUTHIER_TRY(text::ChatTemplate read, text::ChatTemplate::load(file, folders.base));
    return ChatFormat{std::move(read), std::move(source)};
  }
  LUTHIER_TRY(text::ChatTemplate read, text::ChatTemplate::load(folders.base));
  return ChatFormat{std::move(read), ""};
}

Result<ChatFormat> chat_format_for_training(const ChatFolders& folders) {
  auto found = find_chat_format(folders);
  if (found || found.error().code != ErrorCode::kNotFound) {
    return found;
  }
  LUTHIER_TRY(text::ChatTemplate plain, text::ChatTemplate::load_plain(folders.base));
  return ChatFormat{std::move(plain), std::string(text::plain_chat_template())};
}

Result<ChatReader::Made> ChatReader::read(const text::ChatJson& record) {
  LUTHIER_TRY_VOID(check_only_text(record));
  LUTHIER_TRY(text::ChatTokens tokens,
              text::chat_tokens(format_.chat_template, encoder_, record, {.date = text::training_date()}));
  Made made{{std::move(tokens.tokens.ids), std::move(tokens.trained)}, false, std::move(tokens.chat.notes)};
  made.truncated =
      text::keep_beginning(made.example.ids, made.example.trained, static_cast<std::size_t>(input_length_max_) + 1);
  return made;
}

std::optional<AskedChat> asked_part(const text::ChatJson& record) {
  const text::ChatJson& messages = record.at("messages");
  std::size_t end = messages.size();
  while (end > 0 && role_of(messages[end - 1]) != "assistant") {
    --end;
  }
  if (end < 2) {
    return std::nullopt;
  }
  AskedChat chat{record, ""};
  chat.asked["messages"].erase(chat.asked["messages"].begin() + static_cast<std::ptrdiff_t>(end - 1),
                               chat.asked["messages"].end());
  const text::ChatJson content = messages[end - 1].value("content", text::ChatJson());
  for (const text::ChatJson& part : content.is_array() ? content : text::ChatJson::array()) {
    chat.answer += part.value("text", std::string());
  }
  chat.answer += content.is_string() ? content.get<std::string>() : std::string();
  return chat;
}

text::ChatJson with_answer(const AskedChat& chat, const std::string& answer) {
  text::ChatJson record = chat.asked;
  for (text::ChatJson& message : record["messages"]) {
    if (role_of(message) == "assistant") {
      message["weight"] = 0;
    }
  }
  record["messages"].push_back({{"role", "assistant"}, {"content", answer}});
  return record;
}

Result<void> check_only_text(const text::ChatJson& record) {
  const auto messages = record.find("messages");
  if (messages == record.end() || !messages->is_array()) {
    return {};  // which reading it says better
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const text::ChatJson& message = (*messages)[i];
    const text::ChatJson content = message.is_object() ? message.value("content", text::ChatJson()) : text::ChatJson();
    for (const text::ChatJson& part : content.is_array() ? content : text::ChatJson::array()) {
      if (!part.is_object() || !part.contains("text") || !part["text"].is_string()) {
        return Error{ErrorCode::kInvalidArgument, "messages[" + std::to_string(i) +
                                                      "] has something other than text, such as an image: this model "
                                                      "reads text only"};
      }
    }
  }
  return {};
}

}  // namespace luthier::worker
