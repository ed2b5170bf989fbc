// Which artifacts and blobs the tables name.
#pragma once

#include <set>
#include <string>

#include "controller/store/sqlite.h"

namespace luthier::store {

[[nodiscard]] Result<std::set<std::string>> read_live_digests(Database& database, std::int64_t keep_from_wall_ms);

}  // namespace luthier::store
