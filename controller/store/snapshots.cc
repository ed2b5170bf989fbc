#include "controller/store/snapshots.h"

#include <algorithm>
#include <limits>

#include "base/digest/digest.h"
#include "controller/store/compress.h"

namespace luthier::store {
namespace {

constexpr std::size_t kStateBytesMax = std::size_t{4} << 30;

Result<std::string> unpack(std::string_view packed, const std::string& digest) {
  if (sha256_digest(packed) != digest) {
    return Error{ErrorCode::kDataLoss, "its bytes are not what was written"};
  }
  return gunzip(packed, kStateBytesMax);
}

}  // namespace

Result<void> insert_snapshot(Database& database, const JournalHead& head, const std::string& state,
                             std::int64_t written_ms) {
  LUTHIER_TRY(const std::string packed, gzip(state));
  LUTHIER_TRY_VOID(
      database.run("INSERT OR REPLACE INTO snapshots (record_index, epoch, chain, written_ms, digest, bytes) "
                   "VALUES (?, ?, ?, ?, ?, ?)",
                   head.index, head.epoch, head.chain, written_ms, sha256_digest(packed), Blob{packed}));
  return database.run(
      "DELETE FROM snapshots WHERE record_index NOT IN "
      "(SELECT record_index FROM snapshots ORDER BY record_index DESC LIMIT 2)");
}

Result<Snapshot> read_snapshot(Database& database, std::uint64_t index_max, std::vector<std::string>& broken) {
  Snapshot found;
  LUTHIER_TRY_VOID(database.query(
      "SELECT record_index, chain, digest, bytes FROM snapshots WHERE record_index <= ? ORDER BY record_index DESC",
      [&](const Row& row) {
        if (!found.state.empty()) {
          return;
        }
        Result<std::string> state = unpack(row.view(3), row.text(2));
        if (!state) {
          broken.push_back("the snapshot after record " + std::to_string(row.unsigned_integer(0)) +
                           " cannot be used: " + state.error().message);
          return;
        }
        found = {row.unsigned_integer(0), row.text(1), std::move(*state)};
      },
      std::min<std::uint64_t>(index_max, std::numeric_limits<std::int64_t>::max())));
  return found;
}

}  // namespace luthier::store
