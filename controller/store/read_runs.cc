// Runs with their steps, attempts and checkpoints.
#include <algorithm>
#include <limits>
#include <map>

#include "base/clock.h"
#include "controller/store/open_journal.h"
#include "controller/store/read_models.h"

namespace luthier::store {
namespace {

constexpr int kListLimitMax = 1'000;

Json time_or_null(const Row& row, int column) {
  return row.is_null(column) ? Json() : Json(format_utc(row.integer(column)));
}

Json integer_or_null(const Row& row, int column) { return row.is_null(column) ? Json() : Json(row.integer(column)); }

// Columns: run, pipeline, file, status, submitted_by, params, created_ms, finished_ms, rerun_of, git_commit.
Json run_json(const Row& row) {
  return {{"id", row.text(0)},
          {"pipeline", row.text(1)},
          {"file", row.text(2)},
          {"status", row.text(3)},
          {"submitted_by", row.text(4)},
          {"params", row.json(5)},
          {"created_at", time_or_null(row, 6)},
          {"finished_at", time_or_null(row, 7)},
          {"rerun_of", row.text(8).empty() ? Json() : Json(row.text(8))},
          {"commit", row.text(9)}};
}

// Steps of one run by id, in the plan's order when written out.
struct Steps {
  Json list = Json::array();
  std::map<std::string, std::size_t, std::less<>> position;

  void append(const Row& row, int id_column, const char* member, Json value) {
    const auto found = position.find(row.view(id_column));
    if (found != position.end()) {
      list[found->second][member].push_back(std::move(value));
    }
  }
};

Result<void> read_steps(Database& database, const std::string& run, Steps& steps) {
  return database.query(
      "SELECT step, name, uses, status, reason, needs, attempt, started_ms, finished_ms, outputs, inputs, "
      "cache, cached_from "
      "FROM steps WHERE run = ? ORDER BY position",
      [&steps](const Row& row) {
        steps.position.emplace(row.text(0), steps.list.size());
        steps.list.push_back({{"id", row.text(0)},
                              {"name", row.text(1)},
                              {"uses", row.text(2)},
                              {"status", row.text(3)},
                              {"reason", row.text(4)},
                              {"needs", row.json(5)},
                              {"attempt", row.integer(6)},
                              {"attempts", Json::array()},
                              {"started_at", time_or_null(row, 7)},
                              {"finished_at", time_or_null(row, 8)},
                              {"outputs", row.json(9)},
                              {"with", row.json(10)},
                              {"cache", row.json(11)},
                              {"cached_from", row.text(12).empty() ? Json() : Json(row.text(12))},
                              {"checkpoints", Json::array()},
                              {"progress", nullptr}});
      },
      run);
}

Result<void> read_attempts(Database& database, const std::string& run, Steps& steps) {
  return database.query(
      "SELECT step, number, agent, status, started_ms, ended_ms, exit_code, signal, error_code, error_message, "
      "resume_step, usage, (SELECT json_group_array(json_object('rank', rank, 'agent', agent)) FROM attempt_ranks "
      "WHERE attempt_ranks.run = attempts.run AND attempt_ranks.step = attempts.step "
      "AND attempt_ranks.number = attempts.number) FROM attempts WHERE run = ? ORDER BY step, number",
      [&steps](const Row& row) {
        steps.append(row, 0, "attempts",
                     {{"number", row.integer(1)},
                      {"agent", row.text(2)},
                      {"status", row.text(3)},
                      {"started_at", time_or_null(row, 4)},
                      {"ended_at", time_or_null(row, 5)},
                      {"exit_code", integer_or_null(row, 6)},
                      {"signal", integer_or_null(row, 7)},
                      {"error_code", row.text(8)},
                      {"error_message", row.text(9)},
                      {"resume_step", integer_or_null(row, 10)},
                      {"usage", row.json(11)},
                      {"ranks", row.json(12)}});
      },
      run);
}

Result<void> read_checkpoints(Database& database, const std::string& run, Steps& steps) {
  return database.query(
      "SELECT step, training_step, artifact, metrics, model, model_kind, attempt FROM checkpoints WHERE run = ? "
      "ORDER BY step, training_step",
      [&steps](const Row& row) {
        steps.append(row, 0, "checkpoints",
                     {{"step", row.integer(1)},
                      {"artifact", row.text(2)},
                      {"metrics", row.json(3)},
                      {"model", row.text(4)},
                      {"model_kind", row.text(5)},
                      {"attempt", row.integer(6)}});
      },
      run);
}

// Columns: deployment, model, base, adapter, requested_ms, stopped_ms, stop_reason.
constexpr std::string_view kDeploymentColumns =
    "SELECT deployment, model, base, adapter, requested_ms, stopped_ms, stop_reason FROM deployments ";

Result<Json> read_deployment_row(Database& database, const Row& row) {
  Steps steps;
  steps.position.emplace("serve", 0);
  steps.list.push_back({{"attempts", Json::array()}});
  LUTHIER_TRY_VOID(read_attempts(database, row.text(0), steps));
  return Json{{"id", row.text(0)},
              {"model", row.text(1)},
              {"base", row.text(2)},
              {"adapter", row.text(3)},
              {"requested_at", time_or_null(row, 4)},
              {"stopped_at", time_or_null(row, 5)},
              {"stop_reason", row.text(6)},
              {"attempts", std::move(steps.list[0]["attempts"])}};
}

Error no_such_run(const std::string& run) {
  return Error{ErrorCode::kNotFound, "there is no run '" + run + "'; `luthier runs` lists them"};
}

}  // namespace

std::string_view list_runs_sql(const RunsFilter& filter) {
  // One statement for each combination, so that each walks the index that was made for it.
  static const std::string columns =
      "SELECT run, pipeline, file, status, submitted_by, params, created_ms, finished_ms, rerun_of, git_commit FROM "
      "runs WHERE ";
  static const std::string page = "sequence < ?3 ORDER BY sequence DESC LIMIT ?4";
  static const std::string all = columns + page;
  static const std::string by_status = columns + "status = ?1 AND " + page;
  static const std::string by_pipeline = columns + "pipeline = ?2 AND " + page;
  static const std::string by_both = columns + "pipeline = ?2 AND status = ?1 AND " + page;
  if (filter.status.empty()) {
    return filter.pipeline.empty() ? all : by_pipeline;
  }
  return filter.pipeline.empty() ? by_status : by_both;
}

Result<Json> read_runs(Database& database, int limit, const std::string& before_run, const RunsFilter& filter) {
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  if (!before_run.empty()) {
    LUTHIER_TRY(const auto found, database.query_integer("SELECT sequence FROM runs WHERE run = ?", before_run));
    if (!found) {
      return no_such_run(before_run);
    }
    before = *found;
  }
  const std::size_t wanted = static_cast<std::size_t>(std::clamp(limit, 1, kListLimitMax));
  Json runs = Json::array();
  LUTHIER_TRY_VOID(database.query(
      list_runs_sql(filter), [&runs](const Row& row) { runs.push_back(run_json(row)); }, filter.status, filter.pipeline,
      before, wanted + 1));
  Json next;
  if (runs.size() > wanted) {  // one more than asked for shows that there is a next page
    runs.erase(wanted);
    next = runs.back()["id"];
  }
  return Json{{"runs", std::move(runs)}, {"next", std::move(next)}};
}

Result<core::RunSubmitted> read_submission(Database& database, const std::filesystem::path& archive,
                                           const std::string& run) {
  LUTHIER_TRY(const auto index, database.query_integer("SELECT record_index FROM runs WHERE run = ?", run));
  if (!index) {
    return no_such_run(run);
  }
  core::RunSubmitted found;
  const Error enough{ErrorCode::kCancelled, "enough"};
  // A run of a release that kept no index is looked for from the first record on.
  const auto after = static_cast<std::uint64_t>(std::max<std::int64_t>(*index, 1) - 1);
  const Result<void> read = replay_journal(database, archive, after, [&](const JournalRecord& record) -> Result<void> {
    const auto* submitted = std::get_if<core::RunSubmitted>(&record.event);
    if (submitted == nullptr || submitted->run.value != run) {
      return {};
    }
    found = *submitted;
    return enough;
  });
  if (found.run.value == run) {
    return found;
  }
  if (!read && read.error().code != ErrorCode::kDataLoss) {
    return read.error();
  }
  return Error{ErrorCode::kFailedPrecondition,
               "the journal no longer holds what run '" + run + "' was submitted with: it is older than history_keep"};
}

Result<std::optional<std::int64_t>> read_end_of_run(Database& database, const std::string& run) {
  std::optional<std::int64_t> ended_ms = 0;
  LUTHIER_TRY_VOID(database.query(
      "SELECT finished_ms FROM runs WHERE run = ?1 UNION ALL SELECT stopped_ms FROM deployments WHERE deployment = ?1",
      [&ended_ms](const Row& row) { ended_ms = row.is_null(0) ? std::nullopt : std::optional(row.integer(0)); }, run));
  return ended_ms;
}

Result<Json> read_run(Database& database, const std::string& run) {
  Json found;
  LUTHIER_TRY_VOID(database.query(
      "SELECT run, pipeline, file, status, submitted_by, params, created_ms, finished_ms, rerun_of, git_commit, yaml "
      "FROM runs "
      "WHERE run = ?",
      [&found](const Row& row) {
        found = run_json(row);
        found["yaml"] = row.text(10);
      },
      run));
  if (found.is_null()) {
    return no_such_run(run);
  }
  Steps steps;
  LUTHIER_TRY_VOID(read_steps(database, run, steps));
  LUTHIER_TRY_VOID(read_attempts(database, run, steps));
  LUTHIER_TRY_VOID(read_checkpoints(database, run, steps));
  found["steps"] = std::move(steps.list);
  return found;
}

Result<Json> read_deployments(Database& database, int limit) {
  Json list = Json::array();
  Result<void> inner;
  LUTHIER_TRY_VOID(database.query(
      std::string(kDeploymentColumns) + "ORDER BY requested_ms DESC, deployment DESC LIMIT ?",
      [&](const Row& row) {
        Result<Json> one = read_deployment_row(database, row);
        if (one) {
          list.push_back(std::move(*one));
        } else {
          inner = one.error();
        }
      },
      std::clamp(limit, 1, kListLimitMax)));
  LUTHIER_TRY_VOID(inner);
  return Json{{"deployments", std::move(list)}};
}

Result<Json> read_deployment(Database& database, const std::string& deployment) {
  Result<Json> found =
      Error{ErrorCode::kNotFound, "there is no deployment '" + deployment + "'; `luthier deployments` lists them"};
  LUTHIER_TRY_VOID(database.query(
      std::string(kDeploymentColumns) + "WHERE deployment = ?",
      [&](const Row& row) { found = read_deployment_row(database, row); }, deployment));
  return found;
}

}  // namespace luthier::store
