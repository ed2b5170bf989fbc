#include "pipelines/data/check/chat_checks.h"

#include <algorithm>
#include <array>

#include "pipelines/data/check/tool_checks.h"

namespace luthier::data::check {
namespace {

using simdjson::dom::array;
using simdjson::dom::element_type;
using simdjson::dom::object;

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 6> kRoles{"system", "developer", "user", "assistant", "tool", "function"};
constexpr std::array<std::string_view, 5> kRecordMembers{"messages", "tools", "functions", "parallel_tool_calls",
                                                         "function_call"};

class Conversation {
 public:
  Conversation(const RecordContext& context, std::optional<object> record, ChatUse use, ChatFacts& facts)
      : context_(context), use_(use), facts_(facts), tools_(context, facts) {
    if (record) {
      tools_.begin(*record);
    }
  }

  void check(array messages) {
    for (const Element message : messages) {
      object fields;
      if (message.get(fields) != simdjson::SUCCESS) {
        complain("message_missing_key", "is no object with role and content");
      } else {
        check_message(fields);
      }
      ++index_;
    }
    facts_.messages = index_;
    tools_.end();
    finish();
  }

 private:
  struct Message {
    std::string_view role;
    bool has_role = false;
    std::optional<Element> content;
    std::optional<Element> tool_calls;
    std::optional<Element> function_call;
    std::optional<Element> tool_call_id;
    std::optional<Element> weight;
    std::optional<Element> name;
    bool has_refusal = false;
  };

  void complain(std::string_view code, const std::string& problem) const {
    context_.complain(code, [&] { return "message " + std::to_string(index_ + 1) + " " + problem; });
  }
  template <class MakeMessage>
  void complain_lazily(std::string_view code, const MakeMessage& make) const {
    context_.complain(code, [&] { return "message " + std::to_string(index_ + 1) + " " + make(); });
  }

  Message read(object fields) {
    Message message;
    for (const auto& [key, value] : fields) {
      if (key == "role") {
        message.has_role = true;
        message.role = text_of(value).value_or(std::string_view());
      } else if (key == "content") {
        message.content = value;
      } else if (key == "tool_calls") {
        message.tool_calls = value;
      } else if (key == "function_call") {
        message.function_call = value;
      } else if (key == "tool_call_id") {
        message.tool_call_id = value;
      } else if (key == "weight") {
        message.weight = value;
      } else if (key == "name") {
        message.name = value;
      } else if (key == "refusal") {
        message.has_refusal = !value.is_null();
      } else {
        complain_lazily("message_unrecognized_key", [name = key] { return "has an unknown member " + quote(name); });
      }
    }
    return message;
  }

  void check_message(object fields) {
    Message message = read(fields);
    const bool calls = (message.tool_calls && !message.tool_calls->is_null()) ||
                       (message.function_call && !message.function_call->is_null());
    if (!message.has_role || (!message.content && !calls && !message.has_refusal)) {
      complain("message_missing_key", message.has_role ? "has no content" : "has no role");
    }
    if (message.has_role && !is_one_of(message.role, kRoles)) {
      complain_lazily("unrecognized_role", [&] {
        return "has the role " + quote(message.role) + "; known: system, developer, user, assistant, tool, function";
      });
    }
    if (message.name && !message.name->is_string() && !message.name->is_null()) {
      complain("message_name", "has a name that is no text");
    }
    check_content(message, calls);
    check_weight(message);
    check_order(message);
    if (message.role == "assistant") {
      facts_.has_assistant = true;
      last_assistant_ = index_;
    }
    tools_.message(index_, message.role, message.tool_calls, message.function_call, message.tool_call_id);
  }

  void check_content(const Message& message, bool calls) {
    const bool excused = calls || message.has_refusal;
    if (message.role == "assistant") {
      facts_.answer = {};
    }
    if (!message.content || message.content->is_null()) {
      if (message.content && !excused) {
        complain("missing_content", "has null for content");
      } else if (!message.content && !excused) {
        complain("missing_content", "has no content");
      }
      return;
    }
    std::string_view text;
    array parts;
    if (message.content->get(text) == simdjson::SUCCESS) {
      if (text.empty() && !excused) {
        complain("missing_content", "has an empty content");
      } else {
        keep_text(message.role, text);
      }
    } else if (message.content->get(parts) == simdjson::SUCCESS) {
      check_parts(message, parts, excused);
    } else {
      complain("missing_content", "has a content that is neither a text nor a list of parts");
    }
  }

  void keep_text(std::string_view role, std::string_view text) {
    facts_.texts.push_back({index_, role, text});
    if (role == "assistant") {
      facts_.answer = text;
    }
  }

  void check_parts(const Message& message, array parts, bool excused) {
    bool any = false;
    for (const Element part : parts) {
      any = true;
      object fields;
      if (part.get(fields) != simdjson::SUCCESS) {
        complain("content_part", "has a part that is no object");
        continue;
      }
      check_part(message, fields);
    }
    if (!any && !excused) {
      complain("missing_content", "has an empty list for content");
    }
  }

  void check_part(const Message& message, object part) {
    const auto type_member = member(part, "type");
    const std::string_view type = type_member ? text_of(*type_member).value_or("") : "";
    if (type == "text" || type == "refusal") {
      const auto text = member(part, type);
      const auto value = text ? text_of(*text) : std::nullopt;
      if (!value) {
        complain("content_part",
                 "has a part of type " + std::string(type) + " whose " + std::string(type) + " is no text");
      } else {
        keep_text(message.role, *value);
      }
    } else if (type == "image_url") {
      check_image(message, part);
    } else {
      complain_lazily("content_part", [&] {
        return "has a part of type " + quote(type) + "; known: text, image_url" +
               (type.find("audio") == std::string_view::npos ? "" : " (sound cannot be trained on)");
      });
    }
  }

  void check_image(const Message& message, object part) {
    if (message.role != "user") {
      complain("image_role", "is not of the user and has an image");
    }
    const auto image = member(part, "image_url");
    object fields;
    std::optional<std::string_view> url;
    if (image && image->get(fields) == simdjson::SUCCESS) {
      const auto url_member = member(fields, "url");
      url = url_member ? text_of(*url_member) : std::nullopt;
      const auto detail = member(fields, "detail");
      const auto value = detail ? text_of(*detail) : std::optional<std::string_view>("auto");
      if (!value || (*value != "low" && *value != "high" && *value != "auto")) {
        complain("image_detail", "has an image whose detail is " + (value ? quote(*value) : "no text"));
      }
    }
    if (!url) {
      complain("content_part", "has an image without {\"image_url\": {\"url\": …}}");
      return;
    }
    facts_.images.push_back({index_, *url});
  }

  void check_weight(const Message& message) {
    const bool assistant = message.role == "assistant";
    bool trained = assistant;
    if (message.weight && !message.weight->is_null()) {
      std::int64_t weight = -1;
      if (message.weight->get(weight) != simdjson::SUCCESS || (weight != 0 && weight != 1)) {
        complain("weight_value", "has a weight that is not the number 0 or 1");
      } else if (!assistant) {
        complain_lazily("weight_role", [&] { return "has a weight, but its role is " + quote(message.role); });
      } else {
        trained = weight == 1;
      }
    }
    trained_ = trained_ || trained;
  }

  void check_order(const Message& message) {
    const bool system = message.role == "system" || message.role == "developer";
    if (system && index_ > 0 && !only_system_so_far_) {
      complain("system_not_first", "is of the system, behind other messages");
    }
    only_system_so_far_ = only_system_so_far_ && system;
    if (index_ > 0 && message.role == last_role_ && (message.role == "user" || message.role == "assistant")) {
      complain_lazily("same_role_twice",
                      [&] { return "is of the " + std::string(message.role) + " like the one before it"; });
    }
    last_role_ = message.role;
  }

  void finish() const {
    if (use_ != ChatUse::kTraining) {
      return;
    }
    if (!facts_.has_assistant) {
      context_.complain("example_missing_assistant_message",
                        [&] { return "none of the " + std::to_string(index_) + " messages is of the assistant"; });
      return;
    }
    if (!trained_) {
      context_.complain("nothing_to_train", [] { return std::string("every assistant message has weight 0"); });
    }
    if (last_assistant_ + 1 != index_) {
      context_.complain("last_message_not_assistant", [&] {
        return "the last message is of the " + std::string(last_role_) + "; only " +
               std::to_string(last_assistant_ + 1) + " of " + std::to_string(index_) + " messages are learned from";
      });
    }
  }

  const RecordContext& context_;
  ChatUse use_;
  ChatFacts& facts_;
  ToolChecks tools_;
  std::size_t index_ = 0;
  std::size_t last_assistant_ = 0;
  std::string_view last_role_;
  bool only_system_so_far_ = true;
  bool trained_ = false;
};

}  // namespace

bool is_chat_member(std::string_view name) { return is_one_of(name, kRecordMembers); }

void check_chat(const RecordContext& context, std::optional<object> record, Element messages, ChatUse use,
                ChatFacts& facts) {
  array list;
  if (messages.get(list) != simdjson::SUCCESS || list.begin() == list.end()) {
    context.complain("missing_messages_list",
                     [&] { return std::string(messages.is_array() ? "messages is empty" : "messages is no list"); });
    return;
  }
  Conversation(context, record, use, facts).check(list);
}

}  // namespace luthier::data::check
