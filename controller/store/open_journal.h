// What opening a journal finds out, and reading it through archives and rows.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "controller/store/head_file.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

struct OpenedJournal {
  HeadFile head_file;
  std::uint64_t epoch_floor = 0;      // epochs up to this one were used, also by records that are lost
  std::uint64_t newest_event = 0;     // the newest sequence of a published event that may have been given
  std::uint64_t numbers_lost = 0;     // of Store::numbers_lost()
  std::vector<std::string> findings;  // of Store::findings()
};

// Compares the database with FOLDER/journal.head and the archives. kDataLoss when records are lost and the database is
// damaged besides: going on would decide from nonsense. After a loss no sequence of a published event is given again.
[[nodiscard]] Result<OpenedJournal> open_journal(Database& database, const std::filesystem::path& folder);

// For a copy of a journal that is to go on elsewhere: whoever opens it next takes a greater epoch than the controller
// of the original can have, and gives no number again that it can have given meanwhile. Writes FOLDER/journal.head.
[[nodiscard]] Result<void> supersede_original(Database& database, const std::filesystem::path& folder);

[[nodiscard]] Result<void> replay_journal(Database& database, const std::filesystem::path& archive, std::uint64_t after,
                                          const Store::ReplayFunction& each);

}  // namespace luthier::store
