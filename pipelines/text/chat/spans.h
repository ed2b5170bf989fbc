// Which bytes of a rendered conversation the assistant's turns are, for templates that do not say it themselves.
//
// A turn begins behind what the template gives the model (the conversation before it, with the generation prompt) and
// ends with the marker that the template puts behind it; white space behind that marker is the template's. Where the
// text of a conversation's beginning is not the beginning of its text (templates that drop earlier thoughts, say), a
// variant of the conversation with other words in the turn shows where it lies: the texts differ exactly there.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/text/chat/messages.h"

namespace luthier::text {

// The text of `messages`, ending with the generation prompt or not.
using RenderMessages = std::function<Result<std::string>(const ChatJson& messages, bool add_generation_prompt)>;

struct TurnSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct TurnSpans {
  std::vector<TurnSpan> trained;   // in order
  std::vector<std::string> notes;  // turns that are to be trained but are not in the text
};

// `text` without its last marker, such as "<|end|>" or "[/INST]", and what stands behind it.
[[nodiscard]] std::string_view without_last_marker(std::string_view text);

// `text`: render(chat.messages, prompted). `ending`: what the template writes behind the last turn of a conversation
// only, such as a last end-of-text token, or a generation prompt that nobody asked for.
[[nodiscard]] Result<TurnSpans> find_turns(const RenderMessages& render, const ChatMessages& chat,
                                           const std::string& text, bool prompted, const std::string& ending);

}  // namespace luthier::text
