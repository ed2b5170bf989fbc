// `luthier gc`, `backup`, `restore` and `journal`: looking after what the controller keeps.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace luthier::cli {

struct BackupOptions {
  std::string folder;
  bool links = false;
};
struct JournalOptions {
  std::uint64_t after = 0;
  int limit = 100;
  std::uint64_t state_at = 0;  // 0: print records
};

[[nodiscard]] int gc_command(const GlobalOptions& options, bool dry_run);
// On the machine of the data folder; the controller may run. Both start luthierd, which lies beside this program.
[[nodiscard]] int backup_command(const GlobalOptions& options, const BackupOptions& backup);
// To the folder of --data, which must be given: it becomes a new data folder.
[[nodiscard]] int restore_command(const GlobalOptions& options, const BackupOptions& backup);
// One JSON object a line.
[[nodiscard]] int journal_command(const GlobalOptions& options, const JournalOptions& journal);

}  // namespace luthier::cli
