#include "pipelines/text/chat/messages.h"

namespace luthier::text {
namespace {

Error wrong(std::size_t index, const std::string& message) {
  return {ErrorCode::kInvalidArgument, "messages[" + std::to_string(index) + "]: " + message};
}

std::string role_of(const ChatJson& message) { return message.at("role").get<std::string>(); }
bool is_role(const ChatJson& message, const char* role) { return message.at("role") == role; }

bool has_calls(const ChatJson& message) {
  const auto found = message.find("tool_calls");
  return found != message.end() && found->is_array() && !found->empty();
}

// Arguments are JSON in a string in OpenAI's formats; templates write objects themselves.
void parse_arguments(ChatJson& call) {
  ChatJson* holder = call.contains("function") && call["function"].is_object() ? &call["function"] : &call;
  const auto arguments = holder->find("arguments");
  if (arguments == holder->end() || !arguments->is_string()) {
    return;
  }
  ChatJson parsed = ChatJson::parse(arguments->get_ref<const std::string&>(), nullptr, false);
  if (parsed.is_object() || parsed.is_array()) {
    *arguments = std::move(parsed);
  }
}

// `call_id` names the last call made, which an answer of role `function` answers.
void translate_calls(ChatJson& message, std::size_t index, std::string& call_id) {
  const auto old_call = message.find("function_call");
  if (old_call != message.end()) {
    if (old_call->is_object() && !has_calls(message)) {
      call_id = "call_" + std::to_string(index);
      message["tool_calls"] = ChatJson::array({{{"id", call_id}, {"type", "function"}, {"function", *old_call}}});
    }
    message.erase("function_call");
  }
  if (has_calls(message)) {
    for (ChatJson& call : message["tool_calls"]) {
      if (call.is_object()) {
        parse_arguments(call);
        const auto id = call.find("id");
        call_id = id != call.end() && id->is_string() ? id->get<std::string>() : call_id;
      }
    }
  }
  if (is_role(message, "function")) {
    message["role"] = "tool";
    if (!message.contains("tool_call_id") && !call_id.empty()) {
      message["tool_call_id"] = call_id;
    }
  }
}

bool is_absent(const ChatJson& message, const char* member) {
  const auto found = message.find(member);
  return found == message.end() || found->is_null();
}

Result<bool> read_weight(ChatJson& message, std::size_t index) {
  const bool is_assistant = is_role(message, "assistant");
  const auto weight = message.find("weight");
  if (weight == message.end() || weight->is_null()) {
    return is_assistant;
  }
  if (!weight->is_number() || (*weight != 0 && *weight != 1)) {
    return wrong(index, "'weight' must be 0 or 1");
  }
  const bool trained = is_assistant && *weight == 1;
  message.erase("weight");
  return trained;
}

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() ? second : second.empty() ? first : first + "\n\n" + second;
}

// Both contents as one: texts with an empty line between, parts in a row.
ChatJson joined_content(const ChatJson& first, const ChatJson& second) {
  const auto text = [](const ChatJson& content) { return content.is_string() || content.is_null(); };
  const auto as_text = [](const ChatJson& content) { return content.is_string() ? content.get<std::string>() : ""; };
  if (text(first) && text(second)) {
    return joined(as_text(first), as_text(second));
  }
  ChatJson parts = ChatJson::array();
  for (const ChatJson* content : {&first, &second}) {
    if (content->is_array()) {
      parts.insert(parts.end(), content->begin(), content->end());
    } else if (content->is_string()) {
      parts.push_back({{"type", "text"}, {"text", *content}});
    }
  }
  return parts;
}

ChatJson content_of(const ChatJson& message) { return message.value("content", ChatJson()); }

void erase_message(ChatMessages& chat, std::size_t index) {
  chat.messages.erase(index);
  chat.trained.erase(chat.trained.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace

Result<ChatMessages> read_chat(const ChatJson& record) {
  const auto messages = record.find("messages");
  if (!record.is_object() || messages == record.end() || !messages->is_array()) {
    return Error{ErrorCode::kInvalidArgument, "this record is no chat: it has no list 'messages'"};
  }
  ChatMessages chat;
  std::string call_id;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    ChatJson message = (*messages)[i];
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
      return wrong(i, "a message is an object with a text 'role'");
    }
    const ChatJson content = message.value("content", ChatJson());
    if (!content.is_string() && !content.is_array() && !content.is_null()) {
      return wrong(i, "'content' must be text or a list of parts");
    }
    LUTHIER_TRY(const bool trained, read_weight(message, i));
    translate_calls(message, i, call_id);
    if (is_absent(message, "content") && !is_absent(message, "refusal")) {
      message["content"] = message["refusal"];
    }
    chat.messages.push_back(std::move(message));
    chat.trained.push_back(trained);
  }
  const auto tools = record.find("tools");
  const auto functions = record.find("functions");
  if (tools != record.end() && tools->is_array() && !tools->empty()) {
    chat.tools = *tools;
  } else if (functions != record.end() && functions->is_array() && !functions->empty()) {
    chat.tools = ChatJson::array();
    for (const ChatJson& function : *functions) {
      chat.tools.push_back({{"type", "function"}, {"function", function}});
    }
  }
  return chat;
}

std::optional<std::size_t> first_call(const ChatMessages& chat) {
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    if (has_calls(chat.messages[i])) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<std::string> rename_developer(ChatMessages& chat) {
  bool any = false;
  for (ChatJson& message : chat.messages) {
    if (is_role(message, "developer")) {
      message["role"] = "system";
      any = true;
    }
  }
  return any ? std::optional<std::string>("role developer written as system") : std::nullopt;
}

std::optional<std::string> flatten_parts(ChatMessages& chat) {
  bool any = false;
  for (ChatJson& message : chat.messages) {
    const ChatJson content = content_of(message);
    if (!content.is_array()) {
      continue;
    }
    std::string text;
    bool only_text = true;
    for (const ChatJson& part : content) {
      only_text = only_text && part.is_object() && part.contains("text") && part["text"].is_string();
      text += only_text ? part["text"].get<std::string>() : "";
    }
    if (only_text) {
      message["content"] = text;
      any = true;
    }
  }
  return any ? std::optional<std::string>("parts of content joined to one text") : std::nullopt;
}

std::optional<std::string> fill_content(ChatMessages& chat) {
  bool any = false;
  for (ChatJson& message : chat.messages) {
    if (is_absent(message, "content")) {
      message["content"] = "";
      any = true;
    }
  }
  return any ? std::optional<std::string>("absent content written as empty") : std::nullopt;
}

std::optional<std::string> fold_system(ChatMessages& chat) {
  bool any = false;
  for (std::size_t i = 0; i < chat.messages.size();) {
    if (!is_role(chat.messages[i], "system")) {
      ++i;
      continue;
    }
    std::size_t to = i + 1;
    while (to < chat.messages.size() && !is_role(chat.messages[to], "user")) {
      ++to;
    }
    const bool after = to < chat.messages.size();
    for (to = after ? to : i; !after && to > 0 && !is_role(chat.messages[to], "user");) {
      --to;
    }
    if (!is_role(chat.messages[to], "user")) {
      if (chat.messages.size() > 1) {
        return std::nullopt;  // nobody asks anything
      }
      chat.messages[i]["role"] = "user";
      return "the system message written as the user's";
    }
    const ChatJson system = content_of(chat.messages[i]);
    const ChatJson user = content_of(chat.messages[to]);
    chat.messages[to]["content"] = after ? joined_content(system, user) : joined_content(user, system);
    erase_message(chat, i);
    any = true;
  }
  return any ? std::optional<std::string>("system messages folded into the user's turns") : std::nullopt;
}

std::optional<std::string> merge_turns(ChatMessages& chat) {
  bool any = false;
  for (std::size_t i = 1; i < chat.messages.size();) {
    ChatJson& first = chat.messages[i - 1];
    const ChatJson& second = chat.messages[i];
    const bool mergeable = role_of(first) == role_of(second) && !is_role(first, "tool") && !has_calls(first) &&
                           !has_calls(second) && chat.trained[i - 1] == chat.trained[i];
    if (!mergeable) {
      ++i;
      continue;
    }
    first["content"] = joined_content(content_of(first), content_of(second));
    erase_message(chat, i);
    any = true;
  }
  return any ? std::optional<std::string>("turns of one role in a row merged") : std::nullopt;
}

}  // namespace luthier::text
