#include "controller/store/references.h"

#include "base/digest/digest.h"

namespace luthier::store {
namespace {

// Every column that may name an artifact. `?1`: runs that ended before it name nothing any more. A table that names
// artifacts for another reason gets a line here.
constexpr std::string_view kReferences[] = {
    "SELECT params FROM runs WHERE finished_ms IS NULL OR finished_ms >= ?1",
    "SELECT inputs || ' ' || outputs FROM steps JOIN runs USING (run) WHERE runs.finished_ms IS NULL OR "
    "runs.finished_ms >= ?1",
    "SELECT artifact || ' ' || model || ' ' || metrics FROM checkpoints JOIN runs USING (run) "
    "WHERE finished_ms IS NULL OR finished_ms >= ?1",
    "SELECT base || ' ' || adapter || ' ' || lineage || ' ' || metrics FROM model_versions WHERE ?1 = ?1",
    "SELECT base || ' ' || adapter FROM deployments WHERE stopped_ms IS NULL AND ?1 = ?1",
};

}  // namespace

Result<std::set<std::string>> read_live_digests(Database& database, std::int64_t keep_from_wall_ms) {
  std::set<std::string> digests;
  for (const std::string_view sql : kReferences) {
    LUTHIER_TRY_VOID(database.query(
        sql, [&digests](const Row& row) { find_sha256_digests(row.view(0), digests); }, keep_from_wall_ms));
  }
  return digests;
}

}  // namespace luthier::store
