// AnswerFrame: what a template puts around the words of an answer, found by rendering one.
#pragma once

#include <string>

#include "pipelines/text/chat/chat_template.h"

namespace luthier::text {

struct AnswerFrame {
  std::string opening;  // what a model writes between the generation prompt and its words (a space, an empty thought)
  std::string ending;   // what stands behind the words on their line, without white space around: the turn's end marker
};

// Empty members where the template does not let it be seen.
[[nodiscard]] AnswerFrame answer_frame(const ChatTemplate& chat_template);

}  // namespace luthier::text
