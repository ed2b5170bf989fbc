// ChatChecks: the checks of a list of messages: the cookbook's, under its codes, with what has become valid since; and
// what makes a conversation untrainable or unlike what was meant.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pipelines/data/check/record_context.h"

namespace luthier::data::check {

struct ImagePart {
  std::size_t message = 0;  // from 0
  std::string_view url;
};

struct MessageText {
  std::size_t message = 0;  // from 0
  std::string_view role;
  std::string_view text;
};

// What later checks want to know of a conversation.
struct ChatFacts {
  std::size_t messages = 0;
  bool has_assistant = false;
  std::string_view answer;         // of the last assistant message, when it is a text
  std::vector<MessageText> texts;  // all of it that is trained or read, calls' arguments too
  std::vector<ImagePart> images;
};

enum class ChatUse {
  kTraining,  // must have an assistant message, and end with one
  kInput,     // of preference and grader data: it ends where the answer begins
};

// `messages`: the value of that member; `record`: the object around it, for its tools, if any. The views in `facts`
// live as long as the document.
void check_chat(const RecordContext& context, std::optional<simdjson::dom::object> record, Element messages,
                ChatUse use, ChatFacts& facts);

// The top-level members of a chat record that are known.
[[nodiscard]] bool is_chat_member(std::string_view name);

}  // namespace luthier::data::check
