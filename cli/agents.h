// `luthier agents …`: who runs steps, and what people want of them.
#pragma once

#include <string>

#include "cli/command.h"

namespace luthier::cli {

struct DrainOptions {
  std::string deadline;  // "10m"; empty: none
  bool wait = true;      // until the agent is drained
};
struct JoinTokenOptions {
  int uses = 1;
  std::string expires = "1h";
};

[[nodiscard]] int agents_command(const GlobalOptions& options);
// `agent` is an id, or a name that only one agent has.
[[nodiscard]] int cordon_command(const GlobalOptions& options, const std::string& agent, bool cordoned);
[[nodiscard]] int drain_command(const GlobalOptions& options, const std::string& agent, const DrainOptions& drain);
[[nodiscard]] int forget_command(const GlobalOptions& options, const std::string& agent);
// Prints the token alone on stdout, so that it can go into a file.
[[nodiscard]] int join_token_command(const GlobalOptions& options, const JoinTokenOptions& given);
[[nodiscard]] int join_tokens_command(const GlobalOptions& options);
[[nodiscard]] int revoke_join_token_command(const GlobalOptions& options, const std::string& id);

}  // namespace luthier::cli
