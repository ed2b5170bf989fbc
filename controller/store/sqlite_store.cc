#include <mutex>

#include "base/file.h"
#include "controller/store/keys.h"
#include "controller/store/migrations.h"
#include "controller/store/project.h"
#include "controller/store/read_models.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"
#include "controller/store/telemetry.h"

namespace luthier::store {
namespace {

constexpr int kReadConnectionsMax = 4;

Result<std::uint64_t> newest_epoch(Database& database) {
  LUTHIER_TRY(const auto epoch, database.query_integer("SELECT epoch FROM leader"));
  return static_cast<std::uint64_t>(epoch.value_or(0));
}

// The rows of events_after() for one run are found by the payload's "run".
std::optional<std::string> run_of(const Json& payload) {
  const auto found = payload.find("run");
  return found != payload.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

Result<void> append_records(Database& database, const Batch& batch) {
  LUTHIER_TRY(const auto newest, database.query_integer("SELECT max(record_index) FROM journal"));
  std::uint64_t expected = static_cast<std::uint64_t>(newest.value_or(0));
  for (const JournalRecord& record : batch.records) {
    if (record.index != ++expected) {
      return Error{ErrorCode::kInternal, "journal: the next record has index " + std::to_string(expected) + ", not " +
                                             std::to_string(record.index)};
    }
    const std::string name = core::event_name(record.event);
    LUTHIER_TRY_VOID(database.run(
        "INSERT INTO journal (record_index, epoch, wall_ms, monotonic_ms, event, body) VALUES (?, ?, ?, ?, ?, ?)",
        record.index, record.epoch, record.now.wall_ms, record.now.monotonic_ms, name,
        core::event_to_json(record.event)));
    if (auto projected = project(database, record.event, record.now); !projected) {
      return std::move(projected).error().with("record " + std::to_string(record.index) + " (" + name + ")");
    }
  }
  return {};
}

Result<std::vector<std::uint64_t>> append_outbox(Database& database, const Batch& batch) {
  std::vector<std::uint64_t> sequences;
  for (const OutboxRow& row : batch.published) {
    LUTHIER_TRY_VOID(database.run("INSERT INTO outbox (name, run, wall_ms, payload) VALUES (?, ?, ?, ?)", row.name,
                                  run_of(row.payload), row.wall_ms, row.payload));
    sequences.push_back(static_cast<std::uint64_t>(database.last_row_id()));
  }
  return sequences;
}

Result<JournalRecord> record_of(const Row& row, std::uint64_t expected) {
  JournalRecord record;
  record.index = row.unsigned_integer(0);
  if (record.index != expected) {
    return Error{ErrorCode::kDataLoss, "journal: record " + std::to_string(expected) + " is missing"};
  }
  record.epoch = row.unsigned_integer(1);
  record.now = Now{row.integer(2), row.integer(3)};
  auto event = core::event_from_json(row.text(4), row.json(5));
  if (!event) {
    return std::move(event).error().with("journal: record " + std::to_string(expected) + " (" + row.text(4) + ")");
  }
  record.event = std::move(event).value();
  return record;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Database> writer, std::unique_ptr<Telemetry> telemetry)
      : writer_(std::move(writer)), readers_(writer_->file(), kReadConnectionsMax), telemetry_(std::move(telemetry)) {}

  Result<std::uint64_t> acquire_epoch() override {
    const std::lock_guard lock(writer_mutex_);
    LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
    LUTHIER_TRY_VOID(writer_->run("UPDATE leader SET epoch = epoch + 1"));
    LUTHIER_TRY(const std::uint64_t epoch, newest_epoch(*writer_));
    LUTHIER_TRY_VOID(transaction.commit());
    epoch_ = epoch;
    return epoch;
  }

  Result<void> commit(Batch& batch) override {
    const std::lock_guard lock(writer_mutex_);
    LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
    LUTHIER_TRY_VOID(check_epoch(batch));
    LUTHIER_TRY_VOID(append_records(*writer_, batch));
    LUTHIER_TRY(const std::vector<std::uint64_t> sequences, append_outbox(*writer_, batch));
    LUTHIER_TRY_VOID(transaction.commit());
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      batch.published[i].sequence = sequences[i];
    }
    return {};
  }

  Result<void> replay(const std::function<Result<void>(const JournalRecord&)>& each) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    std::uint64_t expected = 0;
    return database->query(
        "SELECT record_index, epoch, wall_ms, monotonic_ms, event, body FROM journal "
        "ORDER BY record_index",
        [&](const Row& row) -> Result<void> {
          LUTHIER_TRY(const JournalRecord record, record_of(row, ++expected));
          return each(record);
        });
  }

  Result<Json> list_runs(int limit, const std::string& before_run) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_runs(*database, limit, before_run);
  }
  Result<Json> get_run(const std::string& run) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_run(*database, run);
  }
  Result<Json> list_agents() override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_agents(*database);
  }
  Result<Json> list_models() override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_models(*database);
  }
  Result<Json> get_model(const std::string& model) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_model(*database, model);
  }
  Result<std::vector<OutboxRow>> events_after(std::uint64_t sequence, int limit, const std::string& run) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_events(*database, sequence, limit, run);
  }

  Result<void> add_key(const std::string& secret, const Principal& principal) override {
    const std::lock_guard lock(writer_mutex_);
    return insert_key(*writer_, secret, principal);
  }
  Result<Principal> authenticate(const std::string& secret) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return find_key(*database, secret);
  }
  Result<bool> has_admin_key() override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return find_admin_key(*database);
  }
  Result<void> add_join_token(const std::string& secret, int uses, std::int64_t expires_wall_ms) override {
    const std::lock_guard lock(writer_mutex_);
    return insert_join_token(*writer_, secret, uses, expires_wall_ms);
  }
  Result<std::string> join(const std::string& token, const std::string& credential, const std::string& name,
                           std::int64_t wall_ms) override {
    const std::lock_guard lock(writer_mutex_);
    return consume_join_token(*writer_, token, credential, name, wall_ms);
  }

  Result<std::uint64_t> append_log(const AttemptId& attempt, std::uint64_t offset, std::string_view bytes,
                                   bool end) override {
    return telemetry_->append_log(attempt, offset, bytes, end);
  }
  Result<LogSlice> read_log(const AttemptId& attempt, std::uint64_t offset, std::uint64_t bytes_max) override {
    return telemetry_->read_log(attempt, offset, bytes_max);
  }
  Result<void> append_metrics(const AttemptId& attempt, const std::vector<MetricPoint>& points) override {
    return telemetry_->append_metrics(attempt, points);
  }
  Result<std::vector<MetricPoint>> read_metrics(const RunId& run, const StepId& step, const std::string& series,
                                                std::int64_t after_step, int limit) override {
    return telemetry_->read_metrics(run, step, series, after_step, limit);
  }

 private:
  Result<void> check_epoch(const Batch& batch) {
    LUTHIER_TRY(const std::uint64_t newest, newest_epoch(*writer_));
    std::uint64_t used = epoch_;  // a batch without records is of the epoch that this store acquired
    for (const JournalRecord& record : batch.records) {
      used = record.epoch == newest ? used : record.epoch;
    }
    if (used != newest) {
      return Error{ErrorCode::kFailedPrecondition, "the journal belongs to epoch " + std::to_string(newest) +
                                                       "; epoch " + std::to_string(used) + " may not write to it"};
    }
    return {};
  }

  std::mutex writer_mutex_;
  std::unique_ptr<Database> writer_;
  ReadPool readers_;
  std::unique_ptr<Telemetry> telemetry_;
  std::uint64_t epoch_ = 0;  // guarded by writer_mutex_
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& folder) {
  const std::filesystem::path path(folder);
  LUTHIER_TRY_VOID(create_folders(path));
  LUTHIER_TRY(auto writer, Database::open(path / "luthier.db", Database::Access::kReadWrite));
  LUTHIER_TRY_VOID(migrate(*writer, control_migrations()));
  LUTHIER_TRY(auto telemetry, Telemetry::open(path / "telemetry.db"));
  LUTHIER_TRY_VOID(sync_folder(path));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(writer), std::move(telemetry)));
}

}  // namespace luthier::store
