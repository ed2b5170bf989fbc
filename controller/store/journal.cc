#include "controller/store/journal.h"

#include "base/digest/digest.h"
#include "controller/store/project.h"

namespace luthier::store {
namespace {

constexpr std::size_t kChainDigits = 32;

Error damaged(std::uint64_t index, const std::string& how) {
  return Error{ErrorCode::kDataLoss, "journal: record " + std::to_string(index) + " " + how};
}

}  // namespace

std::string next_chain(const std::string& chain_before, const StoredRecord& record) {
  Sha256 hash;
  hash.update(chain_before + "\n" + std::to_string(record.index) + "\n" + std::to_string(record.epoch) + "\n" +
              std::to_string(record.now.wall_ms) + "\n" + std::to_string(record.now.monotonic_ms) + "\n" +
              record.event + "\n");
  hash.update(record.body);
  return hash.finish().substr(0, kChainDigits);
}

Result<JournalHead> read_head(Database& database) {
  JournalHead head;
  LUTHIER_TRY_VOID(
      database.query("SELECT record_index, epoch, wall_ms, chain FROM journal ORDER BY record_index DESC LIMIT 1",
                     [&head](const Row& row) {
                       head = {row.unsigned_integer(0), row.unsigned_integer(1), row.integer(2), row.text(3)};
                     }));
  if (head.index == 0) {  // all rows may be in archives
    LUTHIER_TRY_VOID(database.query(
        "SELECT last_index, last_epoch, last_ms, last_chain FROM archives ORDER BY last_index DESC LIMIT 1",
        [&head](const Row& row) {
          head = {row.unsigned_integer(0), row.unsigned_integer(1), row.integer(2), row.text(3)};
        }));
  }
  return head;
}

Result<void> append_records(Database& database, const Batch& batch, JournalHead& head) {
  for (const JournalRecord& record : batch.records) {
    if (record.index != head.index + 1) {
      return Error{ErrorCode::kInternal, "journal: the next record has index " + std::to_string(head.index + 1) +
                                             ", not " + std::to_string(record.index)};
    }
    StoredRecord row{record.index,
                     record.epoch,
                     record.now,
                     core::event_name(record.event),
                     to_text(core::event_to_json(record.event)),
                     {}};
    row.chain = next_chain(head.chain, row);
    LUTHIER_TRY_VOID(
        database.run("INSERT INTO journal (record_index, epoch, wall_ms, monotonic_ms, event, body, chain) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?)",
                     row.index, row.epoch, row.now.wall_ms, row.now.monotonic_ms, row.event, row.body, row.chain));
    if (auto projected = project(database, record.event, record.now); !projected) {
      return std::move(projected).error().with("record " + std::to_string(record.index) + " (" + row.event + ")");
    }
    if (const auto* submitted = std::get_if<core::RunSubmitted>(&record.event)) {
      LUTHIER_TRY_VOID(
          database.run("UPDATE runs SET record_index = ?2 WHERE run = ?1", submitted->run.value, row.index));
    }
    head = {row.index, row.epoch, row.now.wall_ms, row.chain};
  }
  return {};
}

Result<void> read_rows(Database& database, std::uint64_t first,
                       const std::function<Result<void>(const StoredRecord&)>& each) {
  return database.query(
      "SELECT record_index, epoch, wall_ms, monotonic_ms, event, body, chain FROM journal WHERE record_index >= ? "
      "ORDER BY record_index",
      [&each](const Row& row) {
        return each(StoredRecord{row.unsigned_integer(0), row.unsigned_integer(1), Now{row.integer(2), row.integer(3)},
                                 row.text(4), row.text(5), row.text(6)});
      },
      first);
}

Result<JournalRecord> ChainReader::next(const StoredRecord& record) {
  if (record.index != index_ + 1) {
    return damaged(index_ + 1, "is missing");
  }
  const bool known = !chain_.empty() || record.index == 1;
  if (!record.chain.empty() && known && next_chain(chain_, record) != record.chain) {
    return damaged(record.index, "(" + record.event + ") is not what was written");
  }
  auto event = core::event_from_json(record.event, Json::parse(record.body, nullptr, false));
  if (!event) {
    return std::move(event).error().with("journal: record " + std::to_string(record.index) + " (" + record.event + ")");
  }
  index_ = record.index;
  chain_ = record.chain;
  return JournalRecord{record.index, record.epoch, record.now, std::move(event).value()};
}

}  // namespace luthier::store
