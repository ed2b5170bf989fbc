#include "controller/store/administration.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/clock.h"

namespace luthier::store {
namespace {

constexpr int kAuditLimitMax = 1'000;

// A key's id is the beginning of its secret's SHA-256, behind "sha256:".
constexpr const char* kIdSql = "'k-' || substr(hash, 8, 16)";

}  // namespace

Result<std::unique_ptr<Administration>> Administration::open(const std::string& folder) {
  const std::filesystem::path path(folder);
  LUTHIER_TRY(auto control, Database::open(path / "luthier.db", Database::Access::kReadWrite));
  LUTHIER_TRY(auto telemetry, Database::open(path / "telemetry.db", Database::Access::kReadWrite));
  return std::unique_ptr<Administration>(new Administration(std::move(control), std::move(telemetry)));
}

Result<Json> Administration::list_keys() {
  const std::lock_guard lock(mutex_);
  Json keys = Json::array();
  LUTHIER_TRY_VOID(control_->query(
      std::string("SELECT ") + kIdSql + ", name, scope FROM keys WHERE scope <> 'agent' ORDER BY name, hash",
      [&keys](const Row& row) {
        keys.push_back({{"id", row.text(0)}, {"name", row.text(1)}, {"scope", row.text(2)}});
      }));
  return Json{{"keys", std::move(keys)}};
}

Result<void> Administration::revoke_key(const std::string& id) {
  const std::lock_guard lock(mutex_);
  LUTHIER_TRY(Transaction transaction, Transaction::begin(*control_, Transaction::Kind::kWrite));
  const std::string where = std::string(" FROM keys WHERE scope <> 'agent' AND ") + kIdSql + " = ?";
  LUTHIER_TRY(const auto found, control_->query_integer("SELECT count(*)" + where, id));
  if (found.value_or(0) == 0) {
    return Error{ErrorCode::kNotFound, "there is no key '" + id + "'; `luthier keys` lists them"};
  }
  LUTHIER_TRY_VOID(control_->run("DELETE" + where, id));
  LUTHIER_TRY(const auto admins, control_->query_integer("SELECT count(*) FROM keys WHERE scope = 'admin'"));
  if (admins.value_or(0) == 0) {
    return Error{ErrorCode::kFailedPrecondition,
                 "'" + id + "' is the last admin key; make another one first, so that somebody can"};
  }
  return transaction.commit();
}

Result<void> Administration::append_audit(const AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  return telemetry_->run(
      "INSERT INTO audit (wall_ms, by, action, target, status, request_id) VALUES (?, ?, ?, ?, ?, ?)", entry.wall_ms,
      entry.by, entry.action, entry.target, entry.status, entry.request_id);
}

Result<Json> Administration::read_audit(int limit, std::int64_t before) {
  const std::lock_guard lock(mutex_);
  const std::size_t wanted = static_cast<std::size_t>(std::clamp(limit, 1, kAuditLimitMax));
  Json entries = Json::array();
  LUTHIER_TRY_VOID(telemetry_->query(
      "SELECT entry, wall_ms, by, action, target, status, request_id FROM audit WHERE entry < ? "
      "ORDER BY entry DESC LIMIT ?",
      [&entries](const Row& row) {
        entries.push_back({{"id", row.integer(0)},
                           {"at", format_utc(row.integer(1))},
                           {"by", row.text(2)},
                           {"action", row.text(3)},
                           {"target", row.text(4)},
                           {"status", row.integer(5)},
                           {"request_id", row.text(6)}});
      },
      before <= 0 ? std::numeric_limits<std::int64_t>::max() : before, wanted + 1));
  Json next;
  if (entries.size() > wanted) {
    entries.erase(wanted);
    next = entries.back()["id"];
  }
  return Json{{"entries", std::move(entries)}, {"next", std::move(next)}};
}

Result<std::map<std::string, std::int64_t>> Administration::count_runs() {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::int64_t> counts;
  LUTHIER_TRY_VOID(control_->query("SELECT status, count(*) FROM runs GROUP BY status",
                                   [&counts](const Row& row) { counts[row.text(0)] = row.integer(1); }));
  return counts;
}

}  // namespace luthier::store
