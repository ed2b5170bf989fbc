// The schemas as a list of migrations. Times are Unix milliseconds; JSON is text.
#include <array>

#include "controller/store/migrations.h"

namespace luthier::store {
namespace {

constexpr std::string_view kControl1 = R"sql(
-- Who may append to the journal: the holder of the newest epoch.
CREATE TABLE leader (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL) STRICT;
INSERT INTO leader (only, epoch) VALUES (1, 0);

CREATE TABLE journal (
  record_index INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  monotonic_ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- AUTOINCREMENT: a sequence is never given twice, even after the newest rows are deleted.
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  run TEXT,
  wall_ms INTEGER NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_by_run ON outbox (run, sequence) WHERE run IS NOT NULL;

CREATE TABLE runs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL UNIQUE,
  pipeline TEXT NOT NULL,
  file TEXT NOT NULL,
  status TEXT NOT NULL,
  submitted_by TEXT NOT NULL,
  params TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  yaml TEXT NOT NULL
) STRICT;

CREATE TABLE steps (
  run TEXT NOT NULL REFERENCES runs (run),
  step TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  uses TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  needs TEXT NOT NULL,
  inputs TEXT NOT NULL,
  outputs TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  ready_ms INTEGER,
  started_ms INTEGER,
  finished_ms INTEGER,
  PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

-- Of steps and of deployments, so without a reference to either.
CREATE TABLE attempts (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  number INTEGER NOT NULL,
  agent TEXT NOT NULL,
  status TEXT NOT NULL,
  assigned_ms INTEGER NOT NULL,
  started_ms INTEGER,
  ended_ms INTEGER,
  exit_code INTEGER,
  signal INTEGER,
  error_code TEXT NOT NULL,
  error_message TEXT NOT NULL,
  resume_step INTEGER,
  released_ms INTEGER,
  PRIMARY KEY (run, step, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_held ON attempts (agent) WHERE released_ms IS NULL;

CREATE TABLE checkpoints (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  training_step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  artifact TEXT NOT NULL,
  model TEXT NOT NULL,
  model_kind TEXT NOT NULL,
  metrics TEXT NOT NULL,
  committed_ms INTEGER NOT NULL,
  PRIMARY KEY (run, step, training_step)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  agent TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  resources TEXT NOT NULL,
  last_change_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE model_versions (
  model TEXT NOT NULL,
  version INTEGER NOT NULL,
  base TEXT NOT NULL,
  adapter TEXT NOT NULL,
  lineage TEXT NOT NULL,
  metrics TEXT NOT NULL,
  description TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES model_versions (model, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias_history (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL,
  alias TEXT NOT NULL,
  from_version INTEGER NOT NULL,
  to_version INTEGER NOT NULL,
  moved_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  moved_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX alias_history_by_model ON alias_history (model, sequence);

CREATE TABLE deployments (
  deployment TEXT PRIMARY KEY,
  model TEXT NOT NULL,
  base TEXT NOT NULL,
  adapter TEXT NOT NULL,
  requested_ms INTEGER NOT NULL,
  stopped_ms INTEGER,
  stop_reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys and tokens by the SHA-256 of their secret; the secrets themselves are nowhere.
CREATE TABLE keys (hash TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE join_tokens (
  hash TEXT PRIMARY KEY,
  uses_left INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Gives agents their numbers, never twice.
CREATE TABLE joined_agents (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  joined_ms INTEGER NOT NULL
) STRICT;
)sql";

// Snapshots, archived segments, a chain over the journal, pages of runs by what they are filtered by.
constexpr std::string_view kControl2 = R"sql(
ALTER TABLE journal ADD COLUMN chain TEXT NOT NULL DEFAULT '';

CREATE TABLE snapshots (
  record_index INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  chain TEXT NOT NULL,
  written_ms INTEGER NOT NULL,
  digest TEXT NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE archives (
  last_index INTEGER PRIMARY KEY,
  first_index INTEGER NOT NULL,
  digest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  last_epoch INTEGER NOT NULL,
  last_chain TEXT NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE write_probe (only INTEGER PRIMARY KEY CHECK (only = 1), wall_ms INTEGER NOT NULL) STRICT;

CREATE INDEX runs_by_status ON runs (status, sequence);
CREATE INDEX runs_by_pipeline ON runs (pipeline, sequence);
CREATE INDEX runs_by_pipeline_and_status ON runs (pipeline, status, sequence);
)sql";

// How a step stands to the cache (StepReady::cache), and the run whose outputs it was given.
constexpr std::string_view kControl3 = R"sql(
ALTER TABLE steps ADD COLUMN cache TEXT NOT NULL DEFAULT 'null';
ALTER TABLE steps ADD COLUMN cached_from TEXT NOT NULL DEFAULT '';
)sql";

// What people want of agents, and what attempts used.
constexpr std::string_view kControl4 = R"sql(
ALTER TABLE agents ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE agents ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN cordoned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN drain TEXT NOT NULL DEFAULT 'no';
ALTER TABLE agents ADD COLUMN drain_deadline_ms INTEGER;
ALTER TABLE attempts ADD COLUMN usage TEXT NOT NULL DEFAULT '{}';
)sql";

// The run that a run goes on from; and where the journal has what a run was submitted with (0: not known).
constexpr std::string_view kControl5 = R"sql(
ALTER TABLE runs ADD COLUMN rerun_of TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN record_index INTEGER NOT NULL DEFAULT 0;
)sql";

// Ranks 1 and up of attempts on several nodes; rank 0 is the attempt's row.
constexpr std::string_view kControl6 = R"sql(
CREATE TABLE attempt_ranks (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  number INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  agent TEXT NOT NULL,
  released_ms INTEGER,
  PRIMARY KEY (run, step, number, rank)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_ranks_held ON attempt_ranks (agent) WHERE released_ms IS NULL;
)sql";

// The commit of the repository that the run's file lay in.
constexpr std::string_view kControl7 = R"sql(
ALTER TABLE runs ADD COLUMN git_commit TEXT NOT NULL DEFAULT '';
)sql";

// Of a gang: what rank 0 (in attempts) and each other rank (in attempt_ranks) used.
constexpr std::string_view kControl8 = R"sql(
ALTER TABLE attempts ADD COLUMN own_usage TEXT NOT NULL DEFAULT '{}';
ALTER TABLE attempt_ranks ADD COLUMN usage TEXT NOT NULL DEFAULT '{}';
)sql";

constexpr std::string_view kTelemetry1 = R"sql(
CREATE TABLE logs (
  log INTEGER PRIMARY KEY,
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  end_offset INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  UNIQUE (run, step, attempt)
) STRICT;

CREATE TABLE log_chunks (
  log INTEGER NOT NULL REFERENCES logs (log),
  first_offset INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (log, first_offset)
) STRICT;

-- A NULL value is a NaN, which SQLite cannot hold.
CREATE TABLE metrics (
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  series TEXT NOT NULL,
  global_step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  value REAL,
  wall_ms INTEGER NOT NULL,
  PRIMARY KEY (run, step, series, global_step)
) STRICT, WITHOUT ROWID;
CREATE INDEX metrics_by_step ON metrics (run, step, global_step);
)sql";

constexpr std::string_view kTelemetry2 = R"sql(
-- Who did what; not a decision, so not in the journal's database.
CREATE TABLE audit (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  wall_ms INTEGER NOT NULL,
  by TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  status INTEGER NOT NULL,
  request_id TEXT NOT NULL
) STRICT;
)sql";

constexpr std::array kControl{Migration{1, kControl1}, Migration{2, kControl2}, Migration{3, kControl3},
                              Migration{4, kControl4}, Migration{5, kControl5}, Migration{6, kControl6},
                              Migration{7, kControl7}, Migration{8, kControl8}};
constexpr std::array kTelemetry{Migration{1, kTelemetry1}, Migration{2, kTelemetry2}};

}  // namespace

std::span<const Migration> control_migrations() { return kControl; }
std::span<const Migration> telemetry_migrations() { return kTelemetry; }

}  // namespace luthier::store
