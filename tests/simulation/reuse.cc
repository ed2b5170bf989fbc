#include "tests/simulation/reuse.h"

#include "controller/core/rerun.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {
namespace {

using core::Json;

constexpr int kRerunsMax = 4;  // or a world would never be over

std::string text(const RunId& run, const StepId& step) { return run.value + "/" + step.value; }

}  // namespace

Reuse::Reuse(World& world) : world_(world), random_(world.options.seed * 104'729 + 7) {}

void Reuse::on_event(const core::Event& event) {
  std::visit([this](const auto& each) { on(each); }, event);
  if (const auto* failed = std::get_if<core::StepFailed>(&event)) {
    end(failed->run, failed->step, core::StepStatus::kFailed);
  } else if (const auto* skipped = std::get_if<core::StepSkipped>(&event)) {
    end(skipped->run, skipped->step, core::StepStatus::kSkipped);
  } else if (const auto* cancelled = std::get_if<core::StepCancelled>(&event)) {
    end(cancelled->run, cancelled->step, core::StepStatus::kCancelled);
  }
}

void Reuse::end(const RunId& run, const StepId& step, core::StepStatus status) {
  runs_[run].steps[step].status = status;
}

void Reuse::on(const core::RunSubmitted& event) {
  Run& run = runs_[event.run];
  run.plan = event.plan;
  run.rerun_of = event.rerun_of;
  for (const plan::Step& step : event.plan.steps) {
    run.steps[step.id].plan = step;
  }
  world_.counts.reruns += event.rerun_of.value.empty() ? 0 : 1;
}

void Reuse::on(const core::StepReady& event) {
  if (const std::string wrong = wrong_start(event); !wrong.empty()) {
    world_.violate("rule: " + text(event.run, event.step) + " " + wrong);
  }
  Step& step = runs_[event.run].steps[event.step];
  step.checkpoints = event.checkpoints;
  step.with = event.with;
  step.cache = event.cache;
}

void Reuse::on(const core::StepRepeated& event) {
  Step& step = runs_[event.run].steps[event.step];
  step.status = core::StepStatus::kReady;
  step.with = event.with;
  step.cache = event.cache;
}

void Reuse::on(const core::AttemptAssigned& event) {
  if (!core::is_deployment(event.attempt.run)) {
    runs_[event.attempt.run].steps[event.attempt.step].ran = true;
  }
}

void Reuse::on(const core::CheckpointCommitted& event) {
  runs_[event.attempt.run].steps[event.attempt.step].checkpoints.push_back(event.checkpoint);
}

// A step with the same inputs as in the run that is gone on from gets all that was committed there, unless somebody
// wanted a fresh start; another one gets nothing.
std::string Reuse::wrong_start(const core::StepReady& event) {
  if (event.checkpoints.empty()) {
    return {};
  }
  ++world_.counts.resumed_reruns;
  const RunId from = runs_[event.run].rerun_of;
  const Step& before = runs_[from].steps[event.step];
  if (from.value.empty() || before.status == core::StepStatus::kSucceeded) {
    return "goes on from checkpoints that are not its own to go on from";
  }
  if (before.checkpoints != event.checkpoints) {
    return "goes on from other checkpoints than " + from.value + " had committed";
  }
  return before.with == event.with ? "" : "goes on from checkpoints that were made of other inputs";
}

void Reuse::on(const core::StepSucceeded& event) {
  Step& step = runs_[event.run].steps[event.step];
  const bool taken = step.cache.is_object() && step.cache.contains("taken_from");
  std::string wrong;
  if (!event.cached_from.value.empty()) {
    wrong = taken ? wrong_take_over(event, step) : wrong_origin(event, step);
    ++(taken ? world_.counts.taken_over : world_.counts.cache_hits);
  } else if (taken || (step.plan.place == plan::Place::kAgent && !step.ran)) {
    wrong = "succeeded although nothing ran";
  } else if (step.cache.is_object() && step.cache.contains("components")) {
    by_key_[{step.cache["components"].dump(), event.run}] = event.outputs;
  }
  if (!wrong.empty()) {
    world_.violate("rule: " + text(event.run, event.step) + " " + wrong);
  }
  step.status = core::StepStatus::kSucceeded;
  step.outputs = event.outputs;
  step.made_by = event.cached_from.value.empty() ? event.run : event.cached_from;
}

// Of a cache hit; empty: all is well.
std::string Reuse::wrong_origin(const core::StepSucceeded& event, const Step& step) const {
  if (!step.cache.is_object() || !step.cache.contains("hit")) {
    return "was given outputs without a hit in the cache";
  }
  const Json& hit = step.cache["hit"];
  const std::string key = hit.value("components", step.cache["components"]).dump();
  const auto made = by_key_.find({key, event.cached_from});
  if (made == by_key_.end() || hit.value("run", "") != event.cached_from.value) {
    return "was given outputs that " + event.cached_from.value + " never made from the same";
  }
  return made->second == event.outputs ? "" : "was given outputs that are not those of its key";
}

std::string Reuse::wrong_take_over(const core::StepSucceeded& event, const Step& step) const {
  const RunId from{step.cache["taken_from"].get<std::string>()};
  const auto run = runs_.find(from);
  const auto before =
      run == runs_.end() ? std::map<StepId, Step>::const_iterator() : run->second.steps.find(event.step);
  if (run == runs_.end() || !run->second.ended || before == run->second.steps.end() ||
      before->second.status != core::StepStatus::kSucceeded) {
    return "takes over what " + from.value + " never made";
  }
  if (before->second.outputs != event.outputs || before->second.made_by != event.cached_from) {
    return "takes over other outputs than " + from.value + " had";
  }
  if (gone_.contains({event.cached_from, event.step})) {
    return "takes over outputs whose artifacts were deleted";
  }
  for (const StepId& need : step.plan.needs) {
    if (runs_.at(event.run).steps.at(need).ran) {
      return "takes over outputs although " + need.value + " ran";
    }
  }
  return {};
}

void Reuse::on(const core::RunFinished& event) {
  Run& run = runs_[event.run];
  run.ended = true;
  if (reruns_ == kRerunsMax || random_.below(3) == 0) {
    return;
  }
  ++reruns_;
  world_.clock.after(static_cast<std::int64_t>(100 + random_.below(10'000)), [this, id = event.run] {
    if (const std::optional<core::SubmitRun> wanted = rerun_of(id)) {
      world_.clients.submit(*wanted);
    }
  });
}

// Artifacts of a step that nobody is about to use.
void Reuse::forget_some_outputs(const Run& run) {
  for (const auto& [id, step] : run.steps) {
    const Made made{step.made_by, id};
    if (step.status == core::StepStatus::kSucceeded && !promised_.contains(made) && random_.below(6) == 0) {
      gone_.insert(made);
    }
  }
}

std::optional<core::SubmitRun> Reuse::rerun_of(const RunId& id) {
  const Run& run = runs_.at(id);
  forget_some_outputs(run);
  std::map<StepId, core::EndedStep> ended;
  for (const auto& [step, record] : run.steps) {
    const bool succeeded = record.status == core::StepStatus::kSucceeded;
    ended[step] = {.status = record.status,
                   .made = {.with = record.with, .outputs = record.outputs, .made_by = record.made_by},
                   .outputs_gone = gone_.contains({record.made_by, step}) && !world_.mutator.is(Mutation::kTakeDeleted),
                   .reached = {.with = record.with,
                               .checkpoints = succeeded ? std::vector<core::Checkpoint>() : record.checkpoints}};
  }
  const auto at = static_cast<std::ptrdiff_t>(random_.below(run.plan.steps.size()));
  const std::string from = random_.below(3) == 0 ? run.plan.steps[static_cast<std::size_t>(at)].id.value : "";
  const Result<core::Rerun> rerun = core::make_rerun(run.plan, ended, from);
  if (!rerun) {
    return std::nullopt;
  }
  core::SubmitRun input{.plan = run.plan, .file_name = "p.yaml", .rerun_of = id, .taken_over = rerun->taken_over};
  if (random_.below(4) != 0) {  // else somebody wants a fresh start
    input.unfinished = rerun->unfinished;
  }
  for (const auto& [step, taken] : rerun->taken_over) {
    promised_.insert({taken.made_by, step});
  }
  for (plan::Step& step : input.plan.steps) {
    if (rerun->from_now.contains(step.id) || (input.unfinished.empty() && rerun->unfinished.contains(step.id))) {
      step.cache = false;
    }
  }
  return input;
}

}  // namespace luthier::simulation
