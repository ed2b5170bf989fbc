// Projections of runs, steps, attempts and checkpoints.
#include "controller/core/state.h"
#include "controller/store/project.h"

namespace luthier::store {
namespace {

Result<void> finish_step(Database& database, const RunId& run, const StepId& step, core::StepStatus status,
                         const std::string& reason, const Json& outputs, Now now) {
  // A step of the controller has no attempt: it started when it became ready.
  return database.run(
      "UPDATE steps SET status = ?3, reason = ?4, outputs = ?5, finished_ms = ?6, "
      "started_ms = COALESCE(started_ms, CASE WHEN ?3 IN ('succeeded', 'failed') THEN ready_ms END) "
      "WHERE run = ?1 AND step = ?2",
      run.value, step.value, core::to_string(status), reason, outputs, now.wall_ms);
}

Result<void> keep_checkpoint(Database& database, const AttemptId& by, const core::Checkpoint& checkpoint, Now now) {
  return database.run(
      "INSERT OR REPLACE INTO checkpoints (run, step, training_step, attempt, artifact, model, model_kind, metrics, "
      "committed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      by.run.value, by.step.value, checkpoint.step, by.number, checkpoint.artifact, checkpoint.model,
      checkpoint.model_kind, checkpoint.metrics, now.wall_ms);
}

// Of a gang. What all ranks used is known when the last one is released: before, it is what AttemptEnded said, in which
// ranks that were stopped are missing.
Result<void> release_rank(Database& database, const core::AllocationReleased& event, Now now) {
  const AttemptId& id = event.attempt;
  LUTHIER_TRY_VOID(id.rank > 0 ? database.run("UPDATE attempt_ranks SET released_ms = ?5, usage = ?6 "
                                              "WHERE run = ?1 AND step = ?2 AND number = ?3 AND rank = ?4",
                                              id.run.value, id.step.value, id.number, id.rank, now.wall_ms, event.usage)
                               : database.run("UPDATE attempts SET released_ms = ?4, own_usage = ?5 "
                                              "WHERE run = ?1 AND step = ?2 AND number = ?3",
                                              id.run.value, id.step.value, id.number, now.wall_ms, event.usage));
  bool all = true;
  Json sum = Json::object();
  LUTHIER_TRY_VOID(database.query(
      "SELECT released_ms, own_usage FROM attempts WHERE run = ?1 AND step = ?2 AND number = ?3 UNION ALL "
      "SELECT released_ms, usage FROM attempt_ranks WHERE run = ?1 AND step = ?2 AND number = ?3",
      [&](const Row& row) {
        all = all && !row.is_null(0);
        sum = core::add_usage(sum, row.json(1));
      },
      id.run.value, id.step.value, id.number));
  if (!all || sum.empty()) {
    return {};
  }
  return database.run("UPDATE attempts SET usage = ?4 WHERE run = ?1 AND step = ?2 AND number = ?3", id.run.value,
                      id.step.value, id.number, sum);
}

std::string retry_reason(const core::StepRetrying& event) {
  return "will be tried again, not before " + format_utc(event.not_before_wall_ms) + ", after " +
         (event.because == core::Outcome::kUserFailure             ? "it failed"
          : event.because == core::Outcome::kInfrastructureFailure ? "an infrastructure failure"
          : event.because == core::Outcome::kTimedOut              ? "it ran out of time"
          : event.because == core::Outcome::kPreempted             ? "it was moved off a drained agent"
                                                                   : "it was stopped");
}

}  // namespace

Result<void> project_run(Database& database, const core::RunSubmitted& event, Now now) {
  LUTHIER_TRY_VOID(database.run(
      "INSERT INTO runs (run, pipeline, file, status, submitted_by, params, created_ms, yaml, "
      "rerun_of, git_commit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      event.run.value, event.plan.pipeline, event.file_name, core::to_string(core::RunStatus::kRunning),
      event.submitted_by, event.plan.params, now.wall_ms, event.yaml, event.rerun_of.value, event.plan.commit));
  int position = 0;
  for (const plan::Step& step : event.plan.steps) {
    Json needs = Json::array();
    for (const StepId& need : step.needs) {
      needs.push_back(need.value);
    }
    LUTHIER_TRY_VOID(database.run(
        "INSERT INTO steps (run, step, position, name, uses, status, reason, needs, inputs, outputs, attempt) "
        "VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, '{}', 0)",
        event.run.value, step.id.value, position++, step.name, step.uses, core::to_string(core::StepStatus::kWaiting),
        needs, step.with));
  }
  return {};
}

Result<void> project_run(Database& database, const core::RunFinished& event, Now now) {
  return database.run("UPDATE runs SET status = ?2, finished_ms = ?3 WHERE run = ?1", event.run.value,
                      core::to_string(event.status), now.wall_ms);
}

Result<void> project_step(Database& database, const core::StepReady& event, Now now) {
  for (const core::Checkpoint& checkpoint : event.checkpoints) {  // taken over: no attempt of this run made them
    LUTHIER_TRY_VOID(keep_checkpoint(database, AttemptId{event.run, event.step, 0}, checkpoint, now));
  }
  return database.run(
      "UPDATE steps SET status = ?3, reason = '', inputs = ?4, ready_ms = ?5, cache = ?6 WHERE run = ?1 AND step = ?2",
      event.run.value, event.step.value, core::to_string(core::StepStatus::kReady), event.with, now.wall_ms,
      event.cache);
}

Result<void> project_step(Database& database, const core::StepSkipped& event, Now now) {
  return finish_step(database, event.run, event.step, core::StepStatus::kSkipped, event.reason, Json::object(), now);
}

Result<void> project_step(Database& database, const core::StepRetrying& event, Now) {
  return database.run("UPDATE steps SET status = ?3, reason = ?4 WHERE run = ?1 AND step = ?2", event.run.value,
                      event.step.value, core::to_string(core::StepStatus::kReady), retry_reason(event));
}

// It is as ready as it was the first time; started_ms stays, for it tells when work on it began.
Result<void> project_step(Database& database, const core::StepRepeated& event, Now now) {
  return database.run(
      "UPDATE steps SET status = ?3, reason = ?4, inputs = ?5, outputs = '{}', ready_ms = ?6, finished_ms = NULL "
      "WHERE run = ?1 AND step = ?2",
      event.run.value, event.step.value, core::to_string(core::StepStatus::kReady), event.reason, event.with,
      now.wall_ms);
}

Result<void> project_step(Database& database, const core::StepSucceeded& event, Now now) {
  if (!event.cached_from.value.empty()) {
    LUTHIER_TRY_VOID(database.run("UPDATE steps SET cached_from = ?3 WHERE run = ?1 AND step = ?2", event.run.value,
                                  event.step.value, event.cached_from.value));
  }
  return finish_step(database, event.run, event.step, core::StepStatus::kSucceeded, "", event.outputs, now);
}

Result<void> project_step(Database& database, const core::StepFailed& event, Now now) {
  return finish_step(database, event.run, event.step, core::StepStatus::kFailed, event.message, Json::object(), now);
}

Result<void> project_step(Database& database, const core::StepCancelled& event, Now now) {
  return finish_step(database, event.run, event.step, core::StepStatus::kCancelled, "", Json::object(), now);
}

Result<void> project_attempt(Database& database, const core::AttemptAssigned& event, Now now) {
  const AttemptId& id = event.attempt;
  std::optional<std::int64_t> resume_step;
  if (!event.resume_artifact.empty()) {
    resume_step = event.resume_step;
  }
  LUTHIER_TRY_VOID(database.run(
      "INSERT INTO attempts (run, step, number, agent, status, assigned_ms, error_code, error_message, resume_step) "
      "VALUES (?, ?, ?, ?, 'assigned', ?, '', '', ?)",
      id.run.value, id.step.value, id.number, event.allocation.agent.value, now.wall_ms, resume_step));
  std::int32_t rank = 0;
  for (const core::Allocation& allocation : event.gang) {
    LUTHIER_TRY_VOID(database.run("INSERT INTO attempt_ranks (run, step, number, rank, agent) VALUES (?, ?, ?, ?, ?)",
                                  id.run.value, id.step.value, id.number, ++rank, allocation.agent.value));
  }
  return database.run("UPDATE steps SET status = ?3, reason = '', attempt = ?4 WHERE run = ?1 AND step = ?2",
                      id.run.value, id.step.value, core::to_string(core::StepStatus::kAssigned), id.number);
}

Result<void> project_attempt(Database& database, const core::AttemptStarted& event, Now now) {
  const AttemptId& id = event.attempt;
  LUTHIER_TRY_VOID(
      database.run("UPDATE attempts SET status = 'running', started_ms = COALESCE(started_ms, ?4) "
                   "WHERE run = ?1 AND step = ?2 AND number = ?3 AND ended_ms IS NULL",
                   id.run.value, id.step.value, id.number, now.wall_ms));
  return database.run(
      "UPDATE steps SET status = ?4, started_ms = COALESCE(started_ms, ?5) "
      "WHERE run = ?1 AND step = ?2 AND attempt = ?3",
      id.run.value, id.step.value, id.number, core::to_string(core::StepStatus::kRunning), now.wall_ms);
}

Result<void> project_attempt(Database& database, const core::AttemptEnded& event, Now now) {
  const AttemptId& id = event.attempt;
  return database.run(
      "UPDATE attempts SET status = ?4, ended_ms = ?5, exit_code = ?6, signal = ?7, error_code = ?8, "
      "error_message = ?9, usage = CASE ?10 WHEN '{}' THEN usage ELSE ?10 END WHERE run = ?1 AND step = ?2 AND number "
      "= ?3",
      id.run.value, id.step.value, id.number, core::to_string(event.outcome), now.wall_ms, event.exit_code,
      event.signal, event.error_code, event.error_message, event.usage);
}

Result<void> project_attempt(Database& database, const core::AllocationReleased& event, Now now) {
  const AttemptId& id = event.attempt;
  LUTHIER_TRY(const auto ranks,
              database.query_integer("SELECT count(*) FROM attempt_ranks WHERE run = ? AND step = ? AND number = ?",
                                     id.run.value, id.step.value, id.number));
  if (ranks.value_or(0) > 0) {
    return release_rank(database, event, now);
  }
  return database.run(
      "UPDATE attempts SET released_ms = ?4, usage = CASE ?5 WHEN '{}' THEN usage ELSE ?5 END "
      "WHERE run = ?1 AND step = ?2 AND number = ?3",
      id.run.value, id.step.value, id.number, now.wall_ms, event.usage);
}

Result<void> project_attempt(Database& database, const core::CheckpointCommitted& event, Now now) {
  return keep_checkpoint(database, event.attempt, event.checkpoint, now);
}

}  // namespace luthier::store
