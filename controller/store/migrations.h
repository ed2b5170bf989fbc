// Schema migrations: numbered from 1, applied in order, each in its own transaction. A database says how far it is in
// PRAGMA user_version. What a release has shipped is never edited; a change is a new migration at the end.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "controller/store/sqlite.h"

namespace luthier::store {

struct Migration {
  int version = 0;  // one more than the one before
  std::string_view sql;
};

// luthier.db: journal, read models, outbox, keys.
[[nodiscard]] std::span<const Migration> control_migrations();
// telemetry.db: logs, metrics.
[[nodiscard]] std::span<const Migration> telemetry_migrations();

// Brings `database` to the newest of `migrations`. kFailedPrecondition when it is newer than all of them: it was
// written by a newer program, and is left untouched. Safe when several processes open one file at once.
[[nodiscard]] Result<void> migrate(Database& database, std::span<const Migration> migrations);

}  // namespace luthier::store
