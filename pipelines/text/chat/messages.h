// Messages of the OpenAI formats as Hugging Face's templates expect them, and what is done to messages that a template
// refuses. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/text/chat/chat_template.h"

namespace luthier::text {

struct ChatMessages {
  ChatJson messages = ChatJson::array();  // without `weight`
  ChatJson tools;                         // an array, or null
  std::vector<bool> trained;              // of each message: the assistant's whose weight is not 0
};

// Reads `messages` and `tools` or `functions` of a record. `function_call` becomes a tool call, the role `function`
// becomes `tool`, arguments that are JSON in a string become what they say, and a refusal stands in for absent content.
[[nodiscard]] Result<ChatMessages> read_chat(const ChatJson& record);

// The first message that calls a tool; nothing when none does.
[[nodiscard]] std::optional<std::size_t> first_call(const ChatMessages& chat);

// Each gives nothing when it would change nothing, else what it did.
// The role `developer` as `system`.
[[nodiscard]] std::optional<std::string> rename_developer(ChatMessages& chat);
// Content in parts, all of them text, as one text.
[[nodiscard]] std::optional<std::string> flatten_parts(ChatMessages& chat);
// Absent and null content as empty text.
[[nodiscard]] std::optional<std::string> fill_content(ChatMessages& chat);
// System messages into the user's turn that follows each, or that precedes it where none follows.
[[nodiscard]] std::optional<std::string> fold_system(ChatMessages& chat);
// Turns of one role in a row into one, with an empty line between; the assistant's only where they call nothing and are
// trained alike.
[[nodiscard]] std::optional<std::string> merge_turns(ChatMessages& chat);

}  // namespace luthier::text
