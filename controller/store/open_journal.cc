#include "controller/store/open_journal.h"

#include <algorithm>

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

namespace {

Result<std::uint64_t> newest_event(Database& database) {
  LUTHIER_TRY(const auto newest, database.query_integer("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"));
  return static_cast<std::uint64_t>(newest.value_or(0));
}

// No published event gets a number that a lost one may have had.
Result<void> skip_events(Database& database, std::uint64_t reserved) {
  LUTHIER_TRY_VOID(
      database.run("INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', 0 "
                   "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox')"));
  return database.run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'outbox'", reserved);
}

// How many records there can have been that are not here; each has given one number at most.
std::uint64_t records_lost(const JournalHead& have, const Remembered& had, const std::string& boot_id) {
  const bool machine_went_down = !had.boot_id.empty() && had.boot_id != boot_id;
  if (have.index >= had.head.index && !machine_went_down) {
    return 0;
  }
  const std::uint64_t given = std::max(had.head.index, had.records_reserved);
  return given > have.index ? given - have.index : 0;
}

// What differs between the journal that is here and the one that was.
Result<void> compare(Database& database, const JournalHead& have, const JournalHead& had,
                     std::vector<std::string>& findings) {
  LUTHIER_TRY(const std::string chain, chain_at(database, had.index));
  if (have.index >= had.index) {
    if (!chain.empty() && chain != had.chain) {
      findings.push_back("the journal is another one than the one that was written here until " +
                         format_utc(had.wall_ms) + ": record " + std::to_string(had.index) +
                         " differs; was luthier.db exchanged?");
    }
    return {};
  }
  if (have.index == 0) {
    return Error{ErrorCode::kDataLoss,
                 "luthier.db is empty, but the journal had " + std::to_string(had.index) + " records"};
  }
  findings.push_back(loss_text(have, had));
  return check_pages(database);
}

}  // namespace

Result<OpenedJournal> open_journal(Database& database, const std::filesystem::path& folder) {
  LUTHIER_TRY(HeadFile file, HeadFile::open(folder / "journal.head"));
  OpenedJournal opened{.head_file = std::move(file)};
  LUTHIER_TRY(const JournalHead have, read_head(database));
  const Result<std::optional<Remembered>> had = opened.head_file.read();
  if (!had) {
    opened.findings.push_back(had.error().message + ": it cannot be said whether records of the journal are lost");
    opened.numbers_lost = kNumbersReserved;
    LUTHIER_TRY(const std::uint64_t newest, newest_event(database));
    LUTHIER_TRY_VOID(skip_events(database, newest + kNumbersReserved));
  } else if (*had) {
    opened.epoch_floor = (*had)->head.epoch;
    LUTHIER_TRY_VOID(compare(database, have, (*had)->head, opened.findings));
    opened.numbers_lost = records_lost(have, **had, opened.head_file.boot_id());
    opened.head_file.keep_reserved(**had);
    if (opened.numbers_lost > 0) {
      LUTHIER_TRY_VOID(skip_events(database, (*had)->events_reserved));
    }
  }
  LUTHIER_TRY(opened.newest_event, newest_event(database));
  LUTHIER_TRY(const std::vector<Segment> segments, read_segments(database));
  for (std::string& finding : check_segments(folder / "archive", segments)) {
    opened.findings.push_back(std::move(finding));
  }
  return opened;
}

Result<void> supersede_original(Database& database, const std::filesystem::path& folder) {
  // More starts, runs and attempts of one step than there are between a backup and its restore.
  constexpr std::uint64_t kSkipped = 100'000;
  LUTHIER_TRY(JournalHead head, read_head(database));
  LUTHIER_TRY(const std::uint64_t event, newest_event(database));
  const std::string elsewhere = "restored";  // no machine's boot: what is reserved counts as given
  LUTHIER_TRY(HeadFile file, HeadFile::open(folder / "journal.head", elsewhere));
  head.epoch += kSkipped;
  file.keep_reserved({.head = head,
                      .records_reserved = head.index + kSkipped,
                      .events_reserved = event + kSkipped,
                      .boot_id = elsewhere});
  return file.write(head);
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
