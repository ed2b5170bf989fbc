#include "controller/store/open_journal.h"

#include "controller/store/archive.h"
#include "controller/store/journal.h"

namespace luthier::store {
namespace {

std::string range_text(std::uint64_t first, std::uint64_t last) {
  return first == last ? "record " + std::to_string(first)
                       : "records " + std::to_string(first) + " to " + std::to_string(last);
}

std::string loss_text(const JournalHead& have, const JournalHead& had) {
  return "the journal has lost " + range_text(have.index + 1, had.index) + ", all that was written until " +
         format_utc(had.wall_ms) + (have.index == 0 ? "" : " after " + format_utc(have.wall_ms)) +
         ": luthier.db or luthier.db-wal was cut, zeroed or exchanged. What they decided is undone; agents will be "
         "told "
         "to stop what the controller no longer knows. If that is too much to lose, stop and restore a backup";
}

// Nothing when the database's pages are as they must be. Reads all of them, so it is done after a loss only.
Result<void> check_pages(Database& database) {
  std::string trouble;
  LUTHIER_TRY_VOID(database.query("PRAGMA quick_check(1)", [&trouble](const Row& row) { trouble = row.text(0); }));
  return trouble == "ok" ? Result<void>() : Error{ErrorCode::kDataLoss, "luthier.db: " + trouble};
}

Result<std::string> chain_at(Database& database, std::uint64_t index) {
  std::string chain;
  LUTHIER_TRY_VOID(database.query(
      "SELECT chain FROM journal WHERE record_index = ?1 UNION ALL "
      "SELECT last_chain FROM archives WHERE last_index = ?1",
      [&chain](const Row& row) { chain = row.text(0); }, index));
  return chain;
}

}  // namespace

Result<OpenedJournal> open_journal(Database& database, const std::filesystem::path& folder) {
  LUTHIER_TRY(HeadFile file, HeadFile::open(folder / "journal.head"));
  OpenedJournal opened{.head_file = std::move(file)};
  LUTHIER_TRY(const JournalHead have, read_head(database));
  const Result<std::optional<JournalHead>> had = opened.head_file.read();
  if (!had) {
    opened.findings.push_back(had.error().message + ": it cannot be said whether records of the journal are lost");
  } else if (*had) {
    opened.epoch_floor = (*had)->epoch;
    LUTHIER_TRY(const std::string chain, chain_at(database, (*had)->index));
    const bool lost = have.index < (*had)->index;
    if (lost && have.index == 0) {
      return Error{ErrorCode::kDataLoss,
                   "luthier.db is empty, but the journal had " + std::to_string((*had)->index) + " records"};
    }
    if (lost) {
      opened.findings.push_back(loss_text(have, **had));
    } else if (!chain.empty() && chain != (*had)->chain) {
      opened.findings.push_back("the journal is another one than the one that was written here until " +
                                format_utc((*had)->wall_ms) + ": record " + std::to_string((*had)->index) +
                                " differs; was luthier.db exchanged?");
    }
    if (lost) {
      if (const Result<void> whole = check_pages(database); !whole) {
        return whole.error();
      }
    }
  }
  LUTHIER_TRY(const std::vector<Segment> segments, read_segments(database));
  for (std::string& finding : check_segments(folder / "archive", segments)) {
    opened.findings.push_back(std::move(finding));
  }
  return opened;
}

Result<void> replay_journal(Database& database, const std::filesystem::path& archive, std::uint64_t after,
                            const Store::ReplayFunction& each) {
  LUTHIER_TRY(const std::string chain, chain_at(database, after));
  ChainReader reader(after, chain);
  const auto take = [&](const StoredRecord& record) -> Result<void> {
    if (record.index <= reader.index()) {
      return {};  // before the start, or a row that is archived already
    }
    LUTHIER_TRY(const JournalRecord read, reader.next(record));
    return each(read);
  };
  LUTHIER_TRY(const std::vector<Segment> segments, read_segments(database));
  for (const Segment& segment : segments) {
    if (segment.last <= after) {
      continue;
    }
    if (segment.first > reader.index() + 1) {
      return Error{ErrorCode::kDataLoss, "journal: " + range_text(reader.index() + 1, segment.first - 1) +
                                             " are older than history_keep and were deleted"};
    }
    LUTHIER_TRY_VOID(replay_segment(archive, segment, take));
  }
  return read_rows(database, reader.index() + 1, take);
}

}  // namespace luthier::store
