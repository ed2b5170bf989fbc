// `luthier chat MODEL [PROMPT]`: one answer, or a loop over the lines of a terminal. Each question stands alone.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/generate.h"

namespace luthier::cli {

struct ChatOptions {
  GenerateOptions generate;
  std::optional<std::string> prompt;  // absent: from stdin
};

[[nodiscard]] int chat_command(const GlobalOptions& options, const ChatOptions& given);

}  // namespace luthier::cli
