// Store: the controller's memory. Journal, read models and outbox rows change in one transaction; telemetry (logs,
// metrics) lies in a database of its own, so that it never waits for decisions nor they for it.
//
// Threads: commit() is called by the state thread only; every other call is thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/core/event.h"

namespace luthier::store {

using Json = nlohmann::json;

struct JournalRecord {
  std::uint64_t index = 0;  // from 1, without gaps
  std::uint64_t epoch = 0;
  Now now;
  core::Event event;
};

// A published event as people and integrations see it. `id` is stable ("evt_" + sequence) and never reused.
struct OutboxRow {
  std::uint64_t sequence = 0;  // given by commit(), from 1
  std::string name;            // "step.started"
  std::int64_t wall_ms = 0;
  Json payload;
};

struct Batch {
  std::vector<JournalRecord> records;  // index, epoch and now filled in
  std::vector<OutboxRow> published;    // sequence left 0
};

// The state as core::state_to_json() text, after record `index`.
struct Snapshot {
  std::uint64_t index = 0;
  std::string chain;  // of that record
  std::string state;  // empty: no snapshot
};

// Which runs list_runs() gives; empty members say nothing.
struct RunsFilter {
  std::string status;  // "running", "succeeded", …
  std::string pipeline;
};

// Who may do what. Scopes grow: viewer < developer < admin; agent is apart.
enum class Scope { kViewer, kDeveloper, kAdmin, kAgent };

struct Principal {
  std::string name;  // key's name, or the agent's id
  Scope scope = Scope::kViewer;
};

struct MetricPoint {
  std::string series;
  std::int64_t step = 0;
  double value = 0;
  std::int64_t wall_ms = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Takes over: a new epoch, greater than all before. Appends under an older epoch fail from then on.
  [[nodiscard]] virtual Result<std::uint64_t> acquire_epoch() = 0;
  // All or nothing, durable on return. kFailedPrecondition when the epoch is not the newest any more, or this store
  // did not acquire it. Fills in the sequences of `batch.published`.
  [[nodiscard]] virtual Result<void> commit(Batch& batch) = 0;
  // Calls `each` for every record with an index above `after`, in order, archived ones included. kDataLoss names the
  // first record that is missing or is not what was written.
  using ReplayFunction = std::function<Result<void>(const JournalRecord&)>;
  [[nodiscard]] virtual Result<void> replay_after(std::uint64_t after, const ReplayFunction& each) = 0;
  [[nodiscard]] Result<void> replay(const ReplayFunction& each) { return replay_after(0, each); }

  // --- keeping the journal short and whole ---
  // Keeps `state` as the snapshot after the newest committed record. Called by the state thread only.
  [[nodiscard]] virtual Result<void> save_snapshot(const std::string& state, Now now) = 0;
  // The newest whole snapshot at or below this index, or one without a state. `broken` gets a sentence for each newer
  // one that cannot be used.
  [[nodiscard]] virtual Result<Snapshot> newest_snapshot(std::uint64_t index_max, std::vector<std::string>& broken) = 0;
  // Moves records that both kept snapshots contain into one archived segment, and deletes segments whose newest record
  // is older than `keep_from_wall_ms`. Returns how many records were moved; call again while it is not 0.
  [[nodiscard]] virtual Result<std::uint64_t> archive_records(std::int64_t keep_from_wall_ms) = 0;
  // Every digest ("sha256:…") that models, deployments, and runs that are running or ended since `keep_from_wall_ms`
  // name, for the collection of artifacts.
  [[nodiscard]] virtual Result<std::set<std::string>> live_digests(std::int64_t keep_from_wall_ms) = 0;
  // What was found lost or damaged when the store was opened: sentences for the log. Empty: nothing.
  [[nodiscard]] virtual std::vector<std::string> findings() const = 0;
  // How many numbers of runs, deployments and attempts can have been given by records that are lost: so many are to be
  // skipped.
  [[nodiscard]] virtual std::uint64_t numbers_lost() const { return 0; }
  // Writes, and waits for the disk; an answer holds for a second.
  [[nodiscard]] virtual Result<void> check_writable(std::int64_t wall_ms) = 0;

  // Deletes logs and metrics of runs and deployments that ended before `keep_from_wall_ms`; then, while more than
  // `bytes_max` is in use (0: no bound), of those that ended longest ago. What goes on is kept. Returns how many it
  // deleted something of.
  [[nodiscard]] virtual Result<std::uint64_t> prune_telemetry(std::int64_t keep_from_wall_ms,
                                                              std::uint64_t bytes_max) = 0;

  // --- read models (JSON as docs/http-api.md gives it, with the same outer object: {"runs": […], "next": …}) ---
  // Newest first, without steps and yaml; `before_run` empty means from the newest; kNotFound when it names no run.
  [[nodiscard]] virtual Result<Json> list_runs(int limit, const std::string& before_run,
                                               const RunsFilter& filter = {}) = 0;
  [[nodiscard]] virtual Result<Json> get_run(const std::string& run) = 0;  // with its steps and attempts; kNotFound
  // What a run was submitted with. kNotFound; kFailedPrecondition when that part of the journal was deleted for its
  // age.
  [[nodiscard]] virtual Result<core::RunSubmitted> get_submission(const std::string& run) = 0;
  // Models that were served, newest first, also those that are not any more.
  [[nodiscard]] virtual Result<Json> list_deployments(int limit) = 0;
  [[nodiscard]] virtual Result<Json> get_deployment(const std::string& deployment) = 0;  // kNotFound
  [[nodiscard]] virtual Result<Json> list_agents() = 0;
  [[nodiscard]] virtual Result<Json> list_models() = 0;                        // without alias history
  [[nodiscard]] virtual Result<Json> get_model(const std::string& model) = 0;  // versions, aliases, alias history
  // Published events after `sequence`, oldest first; `run` empty means all, else those whose payload's "run" it is.
  [[nodiscard]] virtual Result<std::vector<OutboxRow>> events_after(std::uint64_t sequence, int limit,
                                                                    const std::string& run) = 0;

  // --- keys and credentials: only hashes are stored ---
  // kAlreadyExists when the secret is in use.
  [[nodiscard]] virtual Result<void> add_key(const std::string& secret, const Principal& principal) = 0;
  // kUnauthenticated for an unknown secret.
  [[nodiscard]] virtual Result<Principal> authenticate(const std::string& secret) = 0;
  [[nodiscard]] virtual Result<bool> has_admin_key() = 0;
  // A join token may be used `uses` times until `expires_wall_ms`.
  [[nodiscard]] virtual Result<void> add_join_token(const std::string& secret, int uses,
                                                    std::int64_t expires_wall_ms) = 0;
  // {"join_tokens": [{"id", "uses_left", "expires_at"}]}: those that still admit somebody at this time.
  [[nodiscard]] virtual Result<Json> list_join_tokens(std::int64_t wall_ms) = 0;
  // By its id; kNotFound.
  [[nodiscard]] virtual Result<void> revoke_join_token(const std::string& id) = 0;
  // Consumes one use and makes an agent id ("a-1", …) whose credential is `credential`. kUnauthenticated.
  [[nodiscard]] virtual Result<std::string> join(const std::string& token, const std::string& credential,
                                                 const std::string& name, std::int64_t wall_ms) = 0;

  // --- telemetry; durable on return ---
  // Appends at `offset` if it equals the log's end (bytes below the end are dropped, a gap is not stored). Returns the
  // new end.
  [[nodiscard]] virtual Result<std::uint64_t> append_log(const AttemptId& attempt, std::uint64_t offset,
                                                         std::string_view bytes, bool end) = 0;
  struct LogSlice {
    std::string bytes;
    std::uint64_t next_offset = 0;
    bool complete = false;  // the end was reached and no more will come
  };
  // Empty for an attempt that wrote nothing yet; kNotFound for what prune_telemetry() deleted. At most 8 MiB at once.
  [[nodiscard]] virtual Result<LogSlice> read_log(const AttemptId& attempt, std::uint64_t offset,
                                                  std::uint64_t bytes_max) = 0;
  // First write of (run, step, series, global step) wins. A value may be NaN.
  [[nodiscard]] virtual Result<void> append_metrics(const AttemptId& attempt,
                                                    const std::vector<MetricPoint>& points) = 0;
  // By step. `series` empty means all of them: then only whole steps are returned, so that `after_step` continues
  // without loss, and `limit` may be exceeded by the number of series.
  [[nodiscard]] virtual Result<std::vector<MetricPoint>> read_metrics(const RunId& run, const StepId& step,
                                                                      const std::string& series,
                                                                      std::int64_t after_step, int limit) = 0;
};

// Names a join token without giving it away.
[[nodiscard]] std::string join_token_id(const std::string& secret);

// Opens or creates FOLDER/luthier.db and FOLDER/telemetry.db (WAL, synchronous=FULL), runs migrations. An Error says
// which file, which schema version it has and which this program knows.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& folder);

}  // namespace luthier::store
