// The chat template for models that have none, such as those that are trained from nothing. It marks the end of each
// turn with the tokenizer's end of text and names roles in plain words, so that it needs no special token but that one:
//
//   system:\nBe brief.<eos>\nuser:\nHello<eos>\nassistant:\nHi<eos>\n
//
// Trained is what an assistant writes and its end. Declarations of tools come first, one JSON line each; calls are JSON
// lines that begin with "call: ". What is trained with it gets it as chat_template.jinja.
#pragma once

#include <string_view>

namespace luthier::text {

[[nodiscard]] std::string_view plain_chat_template();

}  // namespace luthier::text
