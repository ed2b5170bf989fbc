// Administration: keys as people see them, the audit log, and counts for /metrics. It stands beside the Store on
// connections of its own, so that none of it waits for decisions. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

// A request that changed something, or would have.
struct AuditEntry {
  std::int64_t wall_ms = 0;
  std::string by;      // the key's name
  std::string action;  // "POST /api/v1/runs/{run}/cancel"
  std::string target;  // "/api/v1/runs/r-3/cancel", or what was made: "r-3"
  int status = 0;      // of the answer
  std::string request_id;
};

class Administration {
 public:
  // On the databases of a folder that open_sqlite_store() has opened, which has migrated them.
  [[nodiscard]] static Result<std::unique_ptr<Administration>> open(const std::string& folder);

  // {"keys": [{id, name, scope}]}, agents' credentials left out. An id tells nothing about the secret.
  [[nodiscard]] Result<Json> list_keys();
  // The key is refused from now on. kNotFound; kFailedPrecondition for the last admin key.
  [[nodiscard]] Result<void> revoke_key(const std::string& id);

  // Durable on return.
  [[nodiscard]] Result<void> append_audit(const AuditEntry& entry);
  // {"entries": [{id, at, by, action, target, status, request_id}], "next": id or null}, newest first; `before` 0
  // means from the newest.
  [[nodiscard]] Result<Json> read_audit(int limit, std::int64_t before);

  [[nodiscard]] Result<std::map<std::string, std::int64_t>> count_runs();  // by status

 private:
  Administration(std::unique_ptr<Database> control, std::unique_ptr<Database> telemetry)
      : control_(std::move(control)), telemetry_(std::move(telemetry)) {}

  std::mutex mutex_;  // guards both
  std::unique_ptr<Database> control_;
  std::unique_ptr<Database> telemetry_;
};

}  // namespace luthier::store
