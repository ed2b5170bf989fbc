#include "controller/store/migrations.h"

namespace luthier::store {
namespace {

Result<int> schema_version(Database& database) {
  LUTHIER_TRY(const auto version, database.query_integer("PRAGMA user_version"));
  return static_cast<int>(version.value_or(0));
}

Result<void> apply(Database& database, const Migration& migration) {
  LUTHIER_TRY(Transaction transaction, Transaction::begin(database, Transaction::Kind::kWrite));
  LUTHIER_TRY(const int version, schema_version(database));
  if (version >= migration.version) {  // another process was faster
    return {};
  }
  LUTHIER_TRY_VOID(database.run_script(std::string(migration.sql)));
  LUTHIER_TRY_VOID(database.run_script("PRAGMA user_version = " + std::to_string(migration.version)));
  return transaction.commit();
}

}  // namespace

Result<void> migrate(Database& database, std::span<const Migration> migrations) {
  LUTHIER_TRY(const int version, schema_version(database));
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  if (version > newest) {
    return Error{ErrorCode::kFailedPrecondition,
                 database.file().string() + " has schema version " + std::to_string(version) +
                     ", but this program knows versions up to " + std::to_string(newest) +
                     "; start the newer release that wrote it, or restore an older copy"};
  }
  for (const Migration& migration : migrations) {
    if (migration.version > version) {
      if (auto applied = apply(database, migration); !applied) {
        return std::move(applied).error().with("migrating to schema version " + std::to_string(migration.version));
      }
    }
  }
  return {};
}

}  // namespace luthier::store
