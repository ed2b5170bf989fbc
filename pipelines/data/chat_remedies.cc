#include "pipelines/data/chat_remedies.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "pipelines/data/letters.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

constexpr ChatRemedy kNoMessages{"missing_messages_list", "Records without a list of messages were dropped."};
constexpr ChatRemedy kBadMessage{
    "message_missing_key", "Conversations with a message that has no role were dropped: nobody knows who says it."};
constexpr ChatRemedy kUnknownRole{"unrecognized_role",
                                  "Conversations with a role that is none of a chat were dropped."};
constexpr ChatRemedy kNoAssistant{"example_missing_assistant_message",
                                  "Conversations without an answer of the assistant were dropped."};
constexpr ChatRemedy kUnusableImages{"images_needed",
                                     "Conversations that need an image that cannot be used were dropped."};
constexpr ChatRemedy kUnknownKeys{"message_unrecognized_key", "Members of messages that no model reads were removed."};
constexpr ChatRemedy kRole{"role_renamed", "Roles under another name were given the usual one."};
constexpr ChatRemedy kEmpty{"missing_content", "Messages that say nothing were removed."};
constexpr ChatRemedy kSpace{"whitespace_trimmed", "White space around messages was removed."};
constexpr ChatRemedy kSystem{"system_moved", "System messages were moved to the beginning, several joined to one."};
constexpr ChatRemedy kTrailing{"last_message_not_assistant",
                               "Messages after the last answer were removed: nothing is learnt from them."};
constexpr ChatRemedy kCalls{"function_call_mapped",
                            "Function calls and answers of the older form were made tool calls."};
constexpr ChatRemedy kArguments{"tool_call_arguments",
                                "Arguments of tool calls that were objects became JSON as text."};
constexpr ChatRemedy kWeight{"weight_value", "Weights became 0 or 1, and were removed where they are neither."};
constexpr std::array<ChatRemedy, 6> kImages{
    {{"image_format", "Images that are damaged, or not JPEG, PNG or WEBP, were removed."},
     {"image_mode", "Images that are neither RGB nor RGBA were removed."},
     {"image_size", "Images larger than 10 MB were removed."},
     {"image_url", "Images whose URL is no data: URL of an image and no http(s) URL were removed."},
     {"image_unreachable", "Images that could not be fetched were removed."},
     {"image_refused", "Images that the content scan refused were removed."}}};

constexpr std::array<std::string_view, 8> kMessageKeys = {"role",       "content",      "name",    "weight",
                                                          "tool_calls", "tool_call_id", "refusal", "function_call"};
constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant", "tool"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kRoleSynonyms = {{{"human", "user"},
                                                                                          {"customer", "user"},
                                                                                          {"client", "user"},
                                                                                          {"question", "user"},
                                                                                          {"bot", "assistant"},
                                                                                          {"ai", "assistant"},
                                                                                          {"gpt", "assistant"},
                                                                                          {"model", "assistant"},
                                                                                          {"agent", "assistant"},
                                                                                          {"chatbot", "assistant"},
                                                                                          {"answer", "assistant"},
                                                                                          {"assistent", "assistant"},
                                                                                          {"asistant", "assistant"},
                                                                                          {"function", "tool"},
                                                                                          {"instructions", "system"}}};

std::string role_of(const ChatJson& message) {
  const auto role = message.find("role");
  return role != message.end() && role->is_string() ? role->get<std::string>() : std::string();
}

bool has_calls(const ChatJson& message) {
  const auto calls = message.find("tool_calls");
  return calls != message.end() && calls->is_array() && !calls->empty();
}

std::optional<ChatRemedy> name_role(ChatJson& message, const ReportChange& changed) {
  if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
    return kBadMessage;
  }
  const std::string written = role_of(message);
  std::string role = lower_case(trimmed(written));
  for (const auto& [synonym, usual] : kRoleSynonyms) {
    if (role == synonym) {
      role = usual;
    }
  }
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    return kUnknownRole;
  }
  if (role != written) {
    changed(kRole, written + " -> " + role);
    message["role"] = role;
  }
  return std::nullopt;
}

void remove_unknown_keys(ChatJson& message, const ReportChange& changed) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : message.items()) {
    if (std::find(kMessageKeys.begin(), kMessageKeys.end(), name) == kMessageKeys.end()) {
      unknown.push_back(name);
    }
  }
  for (const std::string& name : unknown) {
    changed(kUnknownKeys, name);
    message.erase(name);
  }
}

// `open_call`: the id of the last call, for the answer that follows.
void map_function_call(ChatJson& message, std::size_t index, std::string& open_call, const ReportChange& changed) {
  const auto call = message.find("function_call");
  if (call != message.end() && call->is_object()) {
    open_call = "call_" + std::to_string(index);
    const ChatJson function = *call;
    message.erase("function_call");
    message["tool_calls"] = ChatJson::array({{{"id", open_call}, {"type", "function"}, {"function", function}}});
    changed(kCalls, function.dump(-1, ' ', false, ChatJson::error_handler_t::replace));
  } else if (role_of(message) == "tool" && !message.contains("tool_call_id") && !open_call.empty()) {
    message["tool_call_id"] = open_call;
    changed(kCalls, "answer to " + open_call);
  }
}

void write_arguments(ChatJson& message, const ReportChange& changed) {
  if (!has_calls(message)) {
    return;
  }
  for (ChatJson& call : message["tool_calls"]) {
    if (call.is_object() && call.contains("function") && call["function"].is_object() &&
        call["function"].contains("arguments") && call["function"]["arguments"].is_object()) {
      ChatJson& arguments = call["function"]["arguments"];
      arguments = arguments.dump(-1, ' ', false, ChatJson::error_handler_t::replace);
      changed(kArguments, arguments.get_ref<const std::string&>());
    }
  }
}

void mend_weight(ChatJson& message, const ReportChange& changed) {
  const auto weight = message.find("weight");
  if (weight == message.end() || (weight->is_number_integer() && (*weight == 0 || *weight == 1))) {
    return;
  }
  const std::string written = weight->dump(-1, ' ', false, ChatJson::error_handler_t::replace);
  changed(kWeight, written);
  const bool none = written == "false" || written == "0.0" || written == "\"0\"";
  const bool whole = written == "true" || written == "1.0" || written == "\"1\"";
  if (none || whole) {
    message["weight"] = whole ? 1 : 0;
  } else {
    message.erase("weight");
  }
}

void trim_content(ChatJson& message, const ReportChange& changed) {
  const auto content = message.find("content");
  if (content != message.end() && content->is_string()) {
    const std::string& text = content->get_ref<const std::string&>();
    const std::string_view kept = trimmed(text);
    if (kept.size() != text.size()) {
      changed(kSpace, text);
      *content = std::string(kept);
    }
  }
}

bool says_nothing(const ChatJson& message) {
  const auto content = message.find("content");
  const bool empty = content == message.end() || content->is_null() || (content->is_string() && content->empty()) ||
                     (content->is_string() && content->get_ref<const std::string&>().empty()) ||
                     (content->is_array() && content->empty());
  return empty && !has_calls(message) && role_of(message) != "tool" && !message.contains("refusal");
}

// System messages that come later than first; several become one where all are text.
void move_system(ChatJson& messages, const ReportChange& changed) {
  std::size_t later = 0;
  std::string text;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (role_of(messages[i]) == "system") {
      if (!messages[i].contains("content") || !messages[i]["content"].is_string()) {
        return;
      }
      later += i > 0 ? 1 : 0;
      text += (text.empty() ? "" : "\n\n") + messages[i]["content"].get<std::string>();
    }
  }
  if (later == 0) {
    return;
  }
  changed(kSystem, text);
  ChatJson ordered = ChatJson::array({{{"role", "system"}, {"content", text}}});
  for (ChatJson& message : messages) {
    if (role_of(message) != "system") {
      ordered.push_back(std::move(message));
    }
  }
  messages = std::move(ordered);
}

std::optional<ChatRemedy> repair_messages(ChatJson& messages, const ReportChange& changed) {
  if (!messages.is_array()) {
    return kNoMessages;
  }
  std::string open_call;
  ChatJson kept = ChatJson::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ChatJson& message = messages[i];
    if (const auto dropped = name_role(message, changed)) {
      return dropped;
    }
    remove_unknown_keys(message, changed);
    map_function_call(message, i, open_call, changed);
    write_arguments(message, changed);
    mend_weight(message, changed);
    trim_content(message, changed);
    if (says_nothing(message)) {
      changed(kEmpty, "message " + std::to_string(i + 1) + ", " + role_of(message));
    } else {
      kept.push_back(std::move(message));
    }
  }
  messages = std::move(kept);
  return std::nullopt;
}

void map_functions(ChatJson& record, const ReportChange& changed) {
  const auto functions = record.find("functions");
  if (functions == record.end() || !functions->is_array() || record.contains("tools")) {
    return;
  }
  ChatJson tools = ChatJson::array();
  for (const ChatJson& function : *functions) {
    tools.push_back({{"type", "function"}, {"function", function}});
  }
  record.erase("functions");
  record["tools"] = std::move(tools);
  changed(kCalls, "functions -> tools");
}

bool is_trained(const ChatJson& message) {
  const auto weight = message.find("weight");
  return role_of(message) == "assistant" && (weight == message.end() || *weight != 0);
}

// The text of a message; nullopt for parts that are no text.
std::optional<std::string> plain_text(const ChatJson& message) {
  if (has_calls(message) || role_of(message) == "tool" || !message.contains("content")) {
    return std::nullopt;
  }
  const ChatJson& content = message["content"];
  if (content.is_string()) {
    return content.get<std::string>();
  }
  std::string text;
  for (const ChatJson& part : content.is_array() ? content : ChatJson::array({nullptr})) {
    if (!part.is_object() || !part.contains("text") || !part["text"].is_string()) {
      return std::nullopt;
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

}  // namespace

std::optional<ChatRemedy> repair_chat(ChatJson& record, images::ImageChecker& images, const ReportChange& changed) {
  if (!record.is_object() || !record.contains("messages") || !record["messages"].is_array()) {
    return kNoMessages;
  }
  const images::ImageRemoval removal = images::remove_unusable_images(record, images);
  for (const images::RemovedImage& removed : removal.removed) {
    const auto* remedy = std::find_if(kImages.begin(), kImages.end(),
                                      [&](const ChatRemedy& known) { return removed.verdict.code == known.code; });
    LUTHIER_CHECK(remedy != kImages.end());
    changed(*remedy, "message " + std::to_string(removed.message + 1) + ": " + removed.verdict.reason);
  }
  if (removal.drop) {
    return kUnusableImages;
  }
  map_functions(record, changed);
  ChatJson& messages = record["messages"];
  if (const auto dropped = repair_messages(messages, changed)) {
    return dropped;
  }
  move_system(messages, changed);
  while (!messages.empty() && role_of(messages.back()) != "assistant") {
    changed(kTrailing, "message " + std::to_string(messages.size()) + ", " + role_of(messages.back()));
    messages.erase(messages.size() - 1);
  }
  return std::any_of(messages.begin(), messages.end(), is_trained) ? std::nullopt : std::optional(kNoAssistant);
}

std::optional<ChatRemedy> repair_preference(ChatJson& record, const ReportChange& changed) {
  if (!record.is_object() || !record.contains("input") || !record["input"].is_object() ||
      !record["input"].contains("messages")) {
    return kNoMessages;
  }
  if (const auto dropped = repair_messages(record["input"]["messages"], changed)) {
    return dropped;
  }
  for (const char* name : {"preferred_output", "non_preferred_output"}) {
    if (!record.contains(name)) {
      return kNoAssistant;
    }
    if (const auto dropped = repair_messages(record[name], changed)) {
      return dropped;
    }
    if (record[name].empty()) {
      return kNoAssistant;
    }
  }
  return std::nullopt;
}

std::vector<ChatJson> expand_turns(const ChatJson& record) {
  std::vector<ChatJson> turns;
  ChatJson so_far = record;
  so_far["messages"] = ChatJson::array();
  for (const ChatJson& message : record["messages"]) {
    so_far["messages"].push_back(message);
    if (is_trained(message)) {
      turns.push_back(so_far);
      so_far["messages"].back()["weight"] = 0;
    }
  }
  return turns;
}

std::vector<PromptTurn> expand_to_prompts(const ChatJson& record, std::string& problem) {
  std::vector<PromptTurn> turns;
  std::string said;
  for (const ChatJson& message : record["messages"]) {
    const std::optional<std::string> text = plain_text(message);
    if (!text.has_value()) {
      problem = "a message of " + role_of(message) + " is not plain text";
      return {};
    }
    if (is_trained(message)) {
      turns.push_back({said + "Assistant:", " " + *text});
    }
    const std::string role = role_of(message);
    said += role == "user"        ? "User: " + *text + "\n"
            : role == "assistant" ? "Assistant: " + *text + "\n"
                                  : *text + "\n\n";
  }
  return turns;
}

std::string last_answer(const ChatJson& record) {
  const auto messages = record.find("messages");
  return messages == record.end() || messages->empty() ? std::string() : plain_text(messages->back()).value_or("");
}

}  // namespace luthier::data
