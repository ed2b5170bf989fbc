#include <charconv>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

// Why a step without a condition cannot run; empty when all its needs succeeded.
std::string missing_need(const LiveRun& run, const plan::Step& step) {
  for (const StepId& need : step.needs) {
    const StepStatus status = run.steps.at(need).status;
    if (status != StepStatus::kSucceeded) {
      return need.value + (status == StepStatus::kFailed ? " failed" : " was " + to_string(status));
    }
  }
  return {};
}

void skip_step(Turn& turn, const RunId& run, const StepId& step, const std::string& reason) {
  turn.record(StepSkipped{run, step, "skipped: " + reason});
}

void start_controller_step(Turn& turn, const RunId& id, const plan::Step& step, const Json& with) {
  publish_step(turn, "step.started", id, step.id, Json::object());
  if (step.uses == "approve") {
    return request_approval(turn, id, step, with);
  }
  StepEnd end = run_controller_step(turn, id, step, with);
  if (end.succeeded) {
    succeed_step(turn, id, step.id, std::move(end.outputs));
  } else {
    fail_step(turn, id, step.id, end.code, end.message);
  }
}

// What the run that goes on from another takes over for this step; nullptr when it is done anew.
const TakenOver* find_taken_over(const Turn& turn, const RunId& run, const StepId& step) {
  if (turn.submission == nullptr || turn.rerun != run) {
    return nullptr;
  }
  const auto found = turn.submission->taken_over.find(step);
  return found == turn.submission->taken_over.end() ? nullptr : &found->second;
}

void take_over(Turn& turn, const RunId& run, const StepId& step, const TakenOver& taken) {
  const std::string from = turn.submission->rerun_of.value;
  publish_run_started(turn, run);
  turn.record(StepReady{run, step, taken.with, Json{{"taken_from", from}}});
  turn.record(StepSucceeded{run, step, taken.outputs, taken.made_by});
  publish_step(turn, "step.succeeded", run, step, Json{{"taken_from", from}, {"cached_from", taken.made_by.value}});
}

// What the step had reached in the run that this one goes on from.
std::vector<Checkpoint> inherited_checkpoints(const Turn& turn, const RunId& run, const StepId& step,
                                              const Json& with) {
  if (turn.submission == nullptr || turn.rerun != run) {
    return {};
  }
  const auto found = turn.submission->unfinished.find(step);
  return found != turn.submission->unfinished.end() && same_inputs(found->second.with, with)
             ? found->second.checkpoints
             : std::vector<Checkpoint>();
}

// A waiting step whose needs are over: skip it, fail it, or make it ready.
void decide_step(Turn& turn, const RunId& id, const plan::Step& step) {
  if (const TakenOver* taken = find_taken_over(turn, id, step.id)) {
    return take_over(turn, id, step.id, *taken);
  }
  const LiveRun& run = turn.state.runs.at(id);
  const Json scope = make_scope(run, id, step);
  if (step.condition.empty()) {
    if (const std::string missing = missing_need(run, step); !missing.empty()) {
      return skip_step(turn, id, step.id, missing);
    }
  } else {
    const Result<bool> holds = condition_holds(step, scope);
    if (!holds) {
      return fail_step(turn, id, step.id, "expression", holds.error().message);
    }
    if (!*holds) {
      return skip_step(turn, id, step.id, "`if: " + step.condition + "` is false");
    }
  }
  Result<Json> with = resolve_inputs(turn.state, run, step, scope);
  if (!with) {
    return fail_step(turn, id, step.id, with.error().code == ErrorCode::kNotFound ? "model_not_found" : "expression",
                     with.error().message);
  }
  if (step.uses == "promote" && repeat_outdated_evaluations(turn, id, step, *with)) {
    return;
  }
  const bool runs_here = step.place == plan::Place::kController;
  const Json cache = cache_lookup(turn.state, run.plan.pipeline, step, *with);
  const CachedOutputs* hit = cache_hit(turn.state, cache);
  if (runs_here || hit != nullptr) {
    publish_run_started(turn, id);
  }
  turn.record(StepReady{id, step.id, *with, cache,
                        hit == nullptr ? inherited_checkpoints(turn, id, step.id, *with) : std::vector<Checkpoint>()});
  if (hit != nullptr) {
    return reuse_outputs(turn, id, step.id, *hit);
  }
  if (runs_here) {
    start_controller_step(turn, id, step, *with);
  }
}

void finish_if_over(Turn& turn, const RunId& id) {
  const LiveRun& run = turn.state.runs.at(id);
  if (run.index.open_steps > 0) {
    return;
  }
  RunStatus status = run.cancel_requested ? RunStatus::kCancelled : RunStatus::kSucceeded;
  Json payload{{"run", id.value}, {"pipeline", run.plan.pipeline}};
  for (const plan::Step& step : run.plan.steps) {
    const LiveStep& live = run.steps.at(step.id);
    if (live.status == StepStatus::kFailed && status == RunStatus::kSucceeded) {
      status = RunStatus::kFailed;
      payload["step"] = step.id.value;  // the first that failed
      payload["message"] = live.reason;
    }
  }
  turn.record(RunFinished{id, status});
  turn.publish("run." + to_string(status), std::move(payload));
}

// Runs that ended have left the state, but their numbers are below the next one.
bool has_ended(const State& state, const std::string& run) {
  std::uint64_t number = 0;
  const char* end = run.data() + run.size();
  return run.starts_with("r-") && run.size() > 2 && std::from_chars(run.data() + 2, end, number).ptr == end &&
         number > 0 && number < state.next_run;
}

}  // namespace

Error no_such_run(const State& state, const std::string& run, const std::string& verb) {
  if (has_ended(state, run)) {
    return {ErrorCode::kFailedPrecondition, "run '" + run + "' has already ended; there is nothing to " + verb};
  }
  return {ErrorCode::kNotFound, "there is no run '" + run + "'; `luthier runs` lists them"};
}

void on(Turn& turn, const SubmitRun& input) {
  if (!turn.state.storage_low.empty()) {
    return turn.refuse(input.request,
                       Error{ErrorCode::kResourceExhausted, "no run is accepted now: " + turn.state.storage_low});
  }
  const RunId run{"r-" + std::to_string(turn.state.next_run)};
  turn.record(RunSubmitted{run, input.plan, input.yaml, input.file_name, input.submitted_by, input.rerun_of});
  turn.publish("run.queued", Json{{"run", run.value}, {"pipeline", input.plan.pipeline}});
  if (!input.rerun_of.value.empty()) {
    turn.rerun = run;
    turn.submission = &input;
  }
  turn.reply(input.request, Json{{"run", run.value}});
  turn.touched.insert(run);
}

void on(Turn& turn, const CancelRun& input) {
  const auto found = turn.state.runs.find(input.run);
  if (found == turn.state.runs.end()) {
    return turn.refuse(input.request, no_such_run(turn.state, input.run.value, "cancel"));
  }
  turn.record(CancelRequested{input.run, input.by});
  turn.reply(input.request, Json{{"run", input.run.value}});
  for (const auto& [step, live] : found->second.steps) {
    if (!is_terminal(live.status)) {
      stop_attempt(turn, input.run, step, StopReason::kCancelled);
      turn.record(StepCancelled{input.run, step});
    }
  }
  turn.touched.insert(input.run);
}

void advance_run(Turn& turn, const RunId& id) {
  const auto found = turn.state.runs.find(id);
  if (found == turn.state.runs.end()) {
    return;
  }
  const LiveRun& run = found->second;
  // Deciding one step may make others decidable: later ones, or itself once more after a repeated evaluation, of which
  // there are only so many.
  while (!run.index.decidable.empty()) {
    decide_step(turn, id, run.plan.steps.at(*run.index.decidable.begin()));
  }
  finish_if_over(turn, id);
}

void succeed_step(Turn& turn, const RunId& run, const StepId& step, Json outputs) {
  turn.record(StepSucceeded{run, step, std::move(outputs)});
  publish_step(turn, "step.succeeded", run, step, Json::object());
  turn.touched.insert(run);
}

void reuse_outputs(Turn& turn, const RunId& run, const StepId& step, const CachedOutputs& hit) {
  const RunId from = hit.run;
  turn.record(StepSucceeded{run, step, hit.outputs, from});
  publish_step(turn, "step.succeeded", run, step, Json{{"cached_from", from.value}});
}

void fail_step(Turn& turn, const RunId& run, const StepId& step, const std::string& code, const std::string& message) {
  turn.record(StepFailed{run, step, code, message});
  publish_step(turn, "step.failed", run, step, Json{{"code", code}, {"message", message}});
  turn.touched.insert(run);
}

void publish_run_started(Turn& turn, const RunId& id) {
  const auto found = turn.state.runs.find(id);
  if (found != turn.state.runs.end() && !found->second.started) {
    turn.publish("run.started", Json{{"run", id.value}, {"pipeline", found->second.plan.pipeline}});
  }
}

const plan::Step* find_plan_step(const State& state, const RunId& run, const StepId& step) {
  const auto found = state.runs.find(run);
  if (found == state.runs.end()) {
    return nullptr;
  }
  const auto position = found->second.index.position.find(step);
  return position == found->second.index.position.end() ? nullptr : &found->second.plan.steps.at(position->second);
}

Json about(const State& state, const RunId& run, const StepId& step) {
  return Json{{"run", run.value}, {"pipeline", state.runs.at(run).plan.pipeline}, {"step", step.value}};
}

void publish_step(Turn& turn, const std::string& name, const RunId& run, const StepId& step, const Json& more) {
  const LiveStep* live = find_step(turn.state, run, step);
  if (live == nullptr || is_deployment(run)) {
    return;
  }
  Json payload = about(turn.state, run, step);
  if (live->attempt_number > 0) {
    payload["attempt"] = live->attempt_number;
  }
  payload.update(more);
  turn.publish(name, std::move(payload));
}

}  // namespace luthier::core::internal
