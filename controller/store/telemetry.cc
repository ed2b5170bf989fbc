#include "controller/store/telemetry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "controller/store/migrations.h"

namespace luthier::store {
namespace {

constexpr int kReadConnectionsMax = 4;
// A slice reads at most one chunk more than it returns, so chunks are kept small.
constexpr std::size_t kChunkBytesMax = std::size_t{256} << 10;
constexpr std::uint64_t kSliceBytesMax = std::uint64_t{8} << 20;
constexpr int kPointsLimitMax = 100'000;
constexpr std::int64_t kRowsDeletedAtOnce = 500;  // chunks are big

// Ranks of a gang have logs and series of their own: those of ranks 1 and up are filed under "STEP#RANK" and
// "rank RANK/SERIES", names that no step and no series of rank 0 can have.
std::string log_step(const AttemptId& attempt) {
  return attempt.rank == 0 ? attempt.step.value : attempt.step.value + "#" + std::to_string(attempt.rank);
}
std::string series_name(const AttemptId& attempt, const std::string& series) {
  return attempt.rank == 0 ? series : "rank " + std::to_string(attempt.rank) + "/" + series;
}

struct LogEnd {
  std::int64_t log = 0;
  std::uint64_t offset = 0;
  bool complete = false;
};

Result<std::optional<LogEnd>> find_log(Database& database, const AttemptId& attempt) {
  std::optional<LogEnd> found;
  LUTHIER_TRY_VOID(database.query(
      "SELECT log, end_offset, complete FROM logs WHERE run = ? AND step = ? AND attempt = ?",
      [&found](const Row& row) {
        found = LogEnd{row.integer(0), row.unsigned_integer(1), row.integer(2) != 0};
      },
      attempt.run.value, log_step(attempt), attempt.number));
  return found;
}

Result<LogEnd> find_or_create_log(Database& database, const AttemptId& attempt) {
  LUTHIER_TRY(const std::optional<LogEnd> found, find_log(database, attempt));
  if (found) {
    return *found;
  }
  LUTHIER_TRY_VOID(database.run("INSERT INTO logs (run, step, attempt, end_offset, complete) VALUES (?, ?, ?, 0, 0)",
                                attempt.run.value, log_step(attempt), attempt.number));
  return LogEnd{database.last_row_id(), 0, false};
}

Result<void> insert_chunks(Database& database, const LogEnd& end, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kChunkBytesMax) {
    LUTHIER_TRY_VOID(database.run("INSERT INTO log_chunks (log, first_offset, bytes) VALUES (?, ?, ?)", end.log,
                                  end.offset + at, Blob{bytes.substr(at, kChunkBytesMax)}));
  }
  return {};
}

}  // namespace

Telemetry::Telemetry(std::unique_ptr<Database> writer, const std::filesystem::path& file)
    : writer_(std::move(writer)), readers_(file, kReadConnectionsMax) {}

Result<std::unique_ptr<Telemetry>> Telemetry::open(const std::filesystem::path& file) {
  LUTHIER_TRY(auto writer, Database::open(file, Database::Access::kReadWrite));
  LUTHIER_TRY_VOID(migrate(*writer, telemetry_migrations()));
  return std::unique_ptr<Telemetry>(new Telemetry(std::move(writer), file));  // the constructor is private
}

Result<std::uint64_t> Telemetry::append_log(const AttemptId& attempt, std::uint64_t offset, std::string_view bytes,
                                            bool end) {
  if (offset > std::uint64_t{1} << 62) {
    return Error{ErrorCode::kInvalidArgument, "log of " + to_string(attempt) + ": the offset is out of range"};
  }
  const std::lock_guard lock(writer_mutex_);
  LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
  LUTHIER_TRY(const LogEnd old_end, find_or_create_log(*writer_, attempt));
  const std::uint64_t offered_end = offset + bytes.size();
  if (offset > old_end.offset || offered_end < old_end.offset || old_end.complete) {
    return old_end.offset;  // a gap, or nothing new
  }
  const std::string_view fresh = bytes.substr(static_cast<std::size_t>(old_end.offset - offset));
  if (fresh.empty() && !end) {
    return old_end.offset;
  }
  LUTHIER_TRY_VOID(insert_chunks(*writer_, old_end, fresh));
  LUTHIER_TRY_VOID(writer_->run("UPDATE logs SET end_offset = ?2, complete = ?3 WHERE log = ?1", old_end.log,
                                offered_end, end ? 1 : 0));
  LUTHIER_TRY_VOID(transaction.commit());
  return offered_end;
}

Result<Store::LogSlice> Telemetry::read_log(const AttemptId& attempt, std::uint64_t offset, std::uint64_t bytes_max) {
  LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
  LUTHIER_TRY(const std::optional<LogEnd> end, find_log(*database, attempt));
  Store::LogSlice slice{"", offset, false};
  if (!end || offset >= end->offset) {
    slice.complete = end && end->complete;
    return slice;
  }
  const std::uint64_t stop = offset + std::min({bytes_max, kSliceBytesMax, end->offset - offset});
  LUTHIER_TRY_VOID(database->query(
      "SELECT first_offset, bytes FROM log_chunks WHERE log = ?1 AND first_offset < ?3 AND first_offset >= "
      "(SELECT max(first_offset) FROM log_chunks WHERE log = ?1 AND first_offset <= ?2) ORDER BY first_offset",
      [&slice, stop, &attempt](const Row& row) -> Result<void> {
        const std::string_view chunk = row.view(1);
        const std::uint64_t skipped = slice.next_offset - row.unsigned_integer(0);
        if (skipped > chunk.size()) {
          return Error{ErrorCode::kDataLoss, "telemetry.db: the log of " + to_string(attempt) + " has a hole at byte " +
                                                 std::to_string(slice.next_offset)};
        }
        const std::string_view bytes =
            chunk.substr(static_cast<std::size_t>(skipped), static_cast<std::size_t>(stop - slice.next_offset));
        slice.bytes += bytes;
        slice.next_offset += bytes.size();
        return {};
      },
      end->log, offset, stop));
  if (slice.next_offset == offset) {
    return Error{ErrorCode::kNotFound, "the log of " + to_string(attempt) +
                                           " is not kept any more (see telemetry-keep and telemetry-max of luthierd)"};
  }
  slice.complete = end->complete && slice.next_offset == end->offset;
  return slice;
}

Result<std::vector<std::string>> Telemetry::runs_kept() {
  LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
  std::vector<std::string> runs;
  LUTHIER_TRY_VOID(
      database->query("SELECT run FROM logs WHERE EXISTS (SELECT 1 FROM log_chunks WHERE log_chunks.log = logs.log) "
                      "UNION SELECT run FROM metrics",
                      [&runs](const Row& row) { runs.push_back(row.text(0)); }));
  return runs;
}

Result<void> Telemetry::forget(const std::string& run) {
  constexpr const char* kDeletes[] = {
      "DELETE FROM log_chunks WHERE (log, first_offset) IN (SELECT log, first_offset FROM log_chunks WHERE log IN "
      "(SELECT log FROM logs WHERE run = ?1) LIMIT ?2)",
      "DELETE FROM metrics WHERE (run, step, series, global_step) IN (SELECT run, step, series, global_step "
      "FROM metrics WHERE run = ?1 LIMIT ?2)"};
  for (const char* one : kDeletes) {
    std::int64_t deleted = kRowsDeletedAtOnce;
    while (deleted == kRowsDeletedAtOnce) {  // the lock is let go between, so that no agent waits long
      const std::lock_guard lock(writer_mutex_);
      LUTHIER_TRY_VOID(writer_->run(one, run, kRowsDeletedAtOnce));
      deleted = writer_->changed_rows();
    }
  }
  return {};
}

Result<std::uint64_t> Telemetry::bytes_used() {
  LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
  LUTHIER_TRY(const auto pages, database->query_integer("PRAGMA page_count"));
  LUTHIER_TRY(const auto free_pages, database->query_integer("PRAGMA freelist_count"));
  LUTHIER_TRY(const auto page_bytes, database->query_integer("PRAGMA page_size"));
  return static_cast<std::uint64_t>((pages.value_or(0) - free_pages.value_or(0)) * page_bytes.value_or(0));
}

Result<void> Telemetry::append_metrics(const AttemptId& attempt, const std::vector<MetricPoint>& points) {
  const std::lock_guard lock(writer_mutex_);
  LUTHIER_TRY(Transaction transaction, Transaction::begin(*writer_, Transaction::Kind::kWrite));
  for (const MetricPoint& point : points) {
    const std::optional<double> value = std::isnan(point.value) ? std::nullopt : std::optional(point.value);
    LUTHIER_TRY_VOID(
        writer_->run("INSERT OR IGNORE INTO metrics (run, step, series, global_step, attempt, value, wall_ms) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?)",
                     attempt.run.value, attempt.step.value, series_name(attempt, point.series), point.step,
                     attempt.number, value, point.wall_ms));
  }
  return transaction.commit();
}

Result<std::vector<MetricPoint>> Telemetry::read_metrics(const RunId& run, const StepId& step,
                                                         const std::string& series, std::int64_t after_step,
                                                         int limit) {
  LUTHIER_TRY(const ReadPool::Lease database, readers_.take());
  std::vector<MetricPoint> points;
  const auto append = [&points](const Row& row) {
    points.push_back({row.text(0), row.integer(1),
                      row.is_null(2) ? std::numeric_limits<double>::quiet_NaN() : row.real(2), row.integer(3)});
  };
  const int limit_used = std::clamp(limit, 1, kPointsLimitMax);
  if (!series.empty()) {
    LUTHIER_TRY_VOID(database->query(
        "SELECT series, global_step, value, wall_ms FROM metrics WHERE run = ? AND step = ? AND series = ? "
        "AND global_step > ? ORDER BY global_step LIMIT ?",
        append, run.value, step.value, series, after_step, limit_used));
    return points;
  }
  // Whole steps only, or a reader that goes on after the last step would miss the rest of it.
  LUTHIER_TRY_VOID(database->query(
      "SELECT series, global_step, value, wall_ms FROM metrics WHERE run = ?1 AND step = ?2 AND global_step > ?3 "
      "AND global_step <= COALESCE((SELECT global_step FROM metrics WHERE run = ?1 AND step = ?2 AND "
      "global_step > ?3 ORDER BY global_step LIMIT 1 OFFSET ?4 - 1), 9223372036854775807) "
      "ORDER BY global_step, series",
      append, run.value, step.value, after_step, limit_used));
  return points;
}

}  // namespace luthier::store
