#include <algorithm>
#include <mutex>

#include "base/file.h"
#include "controller/store/archive.h"
#include "controller/store/journal.h"
#include "controller/store/keys.h"
#include "controller/store/migrations.h"
#include "controller/store/open_journal.h"
#include "controller/store/read_models.h"
#include "controller/store/references.h"
#include "controller/store/snapshots.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"
#include "controller/store/telemetry.h"

namespace luthier::store {
namespace {

constexpr int kReadConnectionsMax = 4;
constexpr std::int64_t kProbeHoldsMs = 1'000;  // anybody may ask whether the store writes: not one write each
constexpr std::uint64_t kSegmentRecordsMax = 20'000;
constexpr std::int64_t kRowsDeletedAtOnce = 1'000;

Result<std::uint64_t> newest_epoch(Database& database) {
  LUTHIER_TRY(const auto epoch, database.query_integer("SELECT epoch FROM leader"));
  return static_cast<std::uint64_t>(epoch.value_or(0));
}

// The rows of events_after() for one run are found by the payload's "run".
std::optional<std::string> run_of(const Json& payload) {
  const auto found = payload.find("run");
  return found != payload.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
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

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Database> writer, std::unique_ptr<Telemetry> telemetry, OpenedJournal journal)
      : writer_(std::move(writer)),
        readers_(writer_->file(), kReadConnectionsMax),
        telemetry_(std::move(telemetry)),
        archive_(writer_->file().parent_path() / "archive"),
        findings_(std::move(journal.findings)),
        epoch_floor_(journal.epoch_floor),
        numbers_lost_(journal.numbers_lost),
        newest_event_(journal.newest_event),
        head_file_(std::move(journal.head_file)) {}
  ~SqliteStore() override { head_file_.close(newest_event_); }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Result<std::uint64_t> acquire_epoch() override {
    const std::lock_guard lock(writer_mutex_);
    LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
    LUTHIER_TRY_VOID(writer_->run("UPDATE leader SET epoch = max(epoch, ?) + 1", epoch_floor_));
    LUTHIER_TRY(const std::uint64_t epoch, newest_epoch(*writer_));
    LUTHIER_TRY_VOID(transaction.commit());
    epoch_ = epoch;
    return epoch;
  }

  Result<void> commit(Batch& batch) override {
    const std::lock_guard lock(writer_mutex_);
    LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
    LUTHIER_TRY_VOID(check_epoch(batch));
    LUTHIER_TRY(JournalHead head, read_head(*writer_));
    LUTHIER_TRY_VOID(append_records(*writer_, batch, head));
    LUTHIER_TRY(const std::vector<std::uint64_t> sequences, append_outbox(*writer_, batch));
    newest_event_ = sequences.empty() ? newest_event_ : sequences.back();
    LUTHIER_TRY_VOID(head_file_.reserve(head.index, newest_event_));
    LUTHIER_TRY_VOID(transaction.commit());
    // Without it a loss would be noticed less well; nothing else depends on it.
    static_cast<void>(head_file_.write(head));
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      batch.published[i].sequence = sequences[i];
    }
    return {};
  }

  Result<void> replay_after(std::uint64_t after, const ReplayFunction& each) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return replay_journal(*database, archive_, after, each);
  }

  Result<void> save_snapshot(const std::string& state, Now now) override {
    const std::lock_guard lock(writer_mutex_);
    LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
    LUTHIER_TRY_VOID(check_epoch({}));
    LUTHIER_TRY(const JournalHead head, read_head(*writer_));
    LUTHIER_TRY_VOID(insert_snapshot(*writer_, head, state, now.wall_ms));
    return transaction.commit();
  }
  Result<Snapshot> newest_snapshot(std::uint64_t index_max, std::vector<std::string>& broken) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_snapshot(*database, index_max, broken);
  }
  Result<std::uint64_t> archive_records(std::int64_t keep_from_wall_ms) override {
    LUTHIER_TRY(const Segment segment, next_segment());
    if (segment.last != 0) {
      const std::lock_guard lock(writer_mutex_);
      LUTHIER_TRY_VOID(insert_segment(*writer_, segment));
    }
    LUTHIER_TRY_VOID(delete_archived_rows());
    LUTHIER_TRY_VOID(delete_old_segments(keep_from_wall_ms));
    return segment.last == 0 ? 0 : segment.last - segment.first + 1;
  }
  Result<std::set<std::string>> live_digests(std::int64_t keep_from_wall_ms) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_live_digests(*database, keep_from_wall_ms);
  }
  Result<std::uint64_t> prune_telemetry(std::int64_t keep_from_wall_ms, std::uint64_t bytes_max) override {
    LUTHIER_TRY(const std::vector<std::string> kept, telemetry_->runs_kept());
    std::vector<std::pair<std::int64_t, std::string>> ended;  // longest ago first
    {
      LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
      for (const std::string& run : kept) {
        LUTHIER_TRY(const auto ended_ms, read_end_of_run(*database, run));
        if (ended_ms) {
          ended.emplace_back(*ended_ms, run);
        }
      }
    }
    std::sort(ended.begin(), ended.end());
    std::uint64_t pruned = 0;
    for (const auto& [ended_ms, run] : ended) {
      LUTHIER_TRY(const std::uint64_t bytes, telemetry_->bytes_used());
      if (ended_ms >= keep_from_wall_ms && (bytes_max == 0 || bytes <= bytes_max)) {
        break;
      }
      LUTHIER_TRY_VOID(telemetry_->forget(run));
      ++pruned;
    }
    return pruned;
  }
  std::vector<std::string> findings() const override { return findings_; }
  std::uint64_t numbers_lost() const override { return numbers_lost_; }
  Result<void> check_writable(std::int64_t wall_ms) override {
    const std::lock_guard lock(writer_mutex_);
    if (wall_ms >= probed_wall_ms_ && wall_ms < probed_wall_ms_ + kProbeHoldsMs) {
      return {};
    }
    LUTHIER_TRY_VOID(writer_->run("INSERT OR REPLACE INTO write_probe (only, wall_ms) VALUES (1, ?)", wall_ms));
    probed_wall_ms_ = wall_ms;
    return {};
  }

  Result<Json> list_runs(int limit, const std::string& before_run, const RunsFilter& filter) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_runs(*database, limit, before_run, filter);
  }
  Result<Json> get_run(const std::string& run) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_run(*database, run);
  }
  Result<core::RunSubmitted> get_submission(const std::string& run) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_submission(*database, archive_, run);
  }
  Result<Json> list_deployments(int limit) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_deployments(*database, limit);
  }
  Result<Json> get_deployment(const std::string& deployment) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_deployment(*database, deployment);
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
  Result<Json> list_join_tokens(std::int64_t wall_ms) override {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return read_join_tokens(*database, wall_ms);
  }
  Result<void> revoke_join_token(const std::string& id) override {
    const std::lock_guard lock(writer_mutex_);
    return delete_join_token(*writer_, id);
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

  Result<Segment> next_segment() {
    LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
    return write_segment(*database, archive_, kSegmentRecordsMax);
  }

  // In small transactions, so that decisions never wait long for this. Rows that a crash left behind go too.
  Result<void> delete_archived_rows() {
    while (true) {
      const std::lock_guard lock(writer_mutex_);
      LUTHIER_TRY_VOID(
          writer_->run("DELETE FROM journal WHERE record_index IN (SELECT record_index FROM journal "
                       "WHERE record_index <= (SELECT max(last_index) FROM archives) ORDER BY record_index LIMIT ?)",
                       kRowsDeletedAtOnce));
      if (writer_->changed_rows() < kRowsDeletedAtOnce) {
        return {};
      }
    }
  }

  // The newest segment stays: it says where the journal's rows begin.
  Result<void> delete_old_segments(std::int64_t keep_from_wall_ms) {
    std::vector<Segment> segments;
    {
      const std::lock_guard lock(writer_mutex_);
      LUTHIER_TRY(segments, read_segments(*writer_));
      if (!segments.empty()) {
        segments.pop_back();
      }
      std::erase_if(segments, [&](const Segment& segment) { return segment.last_ms >= keep_from_wall_ms; });
      for (const Segment& segment : segments) {
        LUTHIER_TRY_VOID(writer_->run("DELETE FROM archives WHERE last_index = ?", segment.last));
      }
    }
    for (const Segment& segment : segments) {
      std::error_code ignored;  // a file without a row is only space
      std::filesystem::remove(segment_file(archive_, segment), ignored);
    }
    return {};
  }

  std::mutex writer_mutex_;
  std::unique_ptr<Database> writer_;
  ReadPool readers_;
  std::unique_ptr<Telemetry> telemetry_;
  const std::filesystem::path archive_;
  const std::vector<std::string> findings_;
  const std::uint64_t epoch_floor_;
  const std::uint64_t numbers_lost_;
  std::uint64_t newest_event_;       // guarded by writer_mutex_
  HeadFile head_file_;               // guarded by writer_mutex_
  std::uint64_t epoch_ = 0;          // guarded by writer_mutex_
  std::int64_t probed_wall_ms_ = 0;  // guarded by writer_mutex_
};

}  // namespace

namespace {

Error beyond_opening(const std::filesystem::path& folder, const Error& why) {
  return Error{ErrorCode::kDataLoss, "the data folder " + folder.string() + " is damaged: " + why.message +
                                         ". Restore a backup with `luthier restore BACKUP --data NEW`, and keep this "
                                         "folder until that is done"};
}

Result<std::unique_ptr<Store>> open_files(const std::filesystem::path& path) {
  LUTHIER_TRY(auto writer, Database::open(path / "luthier.db", Database::Access::kReadWrite));
  LUTHIER_TRY_VOID(migrate(*writer, control_migrations()));
  LUTHIER_TRY(auto telemetry, Telemetry::open(path / "telemetry.db"));
  LUTHIER_TRY(OpenedJournal journal, open_journal(*writer, path));
  LUTHIER_TRY_VOID(sync_folder(path));
  return std::unique_ptr<Store>(
      std::make_unique<SqliteStore>(std::move(writer), std::move(telemetry), std::move(journal)));
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& folder) {
  const std::filesystem::path path(folder);
  LUTHIER_TRY_VOID(create_folders(path));
  Result<std::unique_ptr<Store>> store = open_files(path);
  if (!store && store.error().code == ErrorCode::kDataLoss) {
    return beyond_opening(path, store.error());
  }
  return store;
}

}  // namespace luthier::store
