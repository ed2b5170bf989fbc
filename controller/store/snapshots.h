// Snapshots of the machine's state, in luthier.db, compressed and with a digest.
#pragma once

#include <cstdint>
#include <string>

#include "controller/store/journal.h"
#include "controller/store/sqlite.h"

namespace luthier::store {

// Keeps the newest two: should one be broken, the other one and the records after it give the same state.
[[nodiscard]] Result<void> insert_snapshot(Database& database, const JournalHead& head, const std::string& state,
                                           std::int64_t written_ms);
// The newest one at or below `index_max` that is whole; `state` is empty when there is none. `broken` gets one sentence
// for each newer one that is not.
[[nodiscard]] Result<Snapshot> read_snapshot(Database& database, std::uint64_t index_max,
                                             std::vector<std::string>& broken);

}  // namespace luthier::store
