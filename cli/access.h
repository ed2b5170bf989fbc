// Commands about who may do what, and who did: keys, audit.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace luthier::cli {

struct AuditOptions {
  int limit = 50;
  std::int64_t before = 0;  // 0: from the newest
};

[[nodiscard]] int list_keys_command(const GlobalOptions& options);
// The key is shown once: the controller keeps its hash only.
[[nodiscard]] int create_key_command(const GlobalOptions& options, const std::string& name, const std::string& scope);
[[nodiscard]] int revoke_key_command(const GlobalOptions& options, const std::string& id);
[[nodiscard]] int audit_command(const GlobalOptions& options, const AuditOptions& audit);

}  // namespace luthier::cli
