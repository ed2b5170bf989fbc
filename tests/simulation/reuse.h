// Reuse: what runs made, as the journal tells it, and holds every step to it that is given outputs instead of running,
// or checkpoints to go on from: they must be those of the same key, or of the run that is gone on from. Also people who
// run ended runs again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "controller/core/core.h"

namespace luthier::simulation {

class World;

class Reuse {
 public:
  explicit Reuse(World& world);

  void on_event(const core::Event& event);  // of the journal

 private:
  struct Step {
    plan::Step plan;
    core::StepStatus status = core::StepStatus::kWaiting;
    core::Json with, cache, outputs;
    RunId made_by;
    bool ran = false;                           // an attempt was made
    std::vector<core::Checkpoint> checkpoints;  // ascending by step
  };
  struct Run {
    plan::Plan plan;
    bool ended = false;
    RunId rerun_of;
    std::map<StepId, Step> steps;
  };
  using Made = std::pair<RunId, StepId>;

  void on(const core::RunSubmitted& event);
  void on(const core::StepReady& event);
  void on(const core::StepRepeated& event);
  void on(const core::AttemptAssigned& event);
  void on(const core::CheckpointCommitted& event);
  void on(const core::StepSucceeded& event);
  void on(const core::RunFinished& event);
  void on(const auto&) {}

  void end(const RunId& run, const StepId& step, core::StepStatus status);
  [[nodiscard]] std::string wrong_origin(const core::StepSucceeded& event, const Step& step) const;
  [[nodiscard]] std::string wrong_take_over(const core::StepSucceeded& event, const Step& step) const;
  // Checkpoints that a step is given to go on from; empty: all is well.
  [[nodiscard]] std::string wrong_start(const core::StepReady& event);
  // What a person would ask for; nothing when there is nothing to do.
  [[nodiscard]] std::optional<core::SubmitRun> rerun_of(const RunId& run);
  void forget_some_outputs(const Run& run);

  World& world_;
  Random random_;  // its own, so that what it draws changes nothing else
  std::map<RunId, Run> runs_;
  std::map<std::pair<std::string, RunId>, core::Json> by_key_;  // outputs that were made under a key
  std::set<Made> gone_;                                         // whose artifacts were deleted
  std::set<Made> promised_;                                     // that a rerun was told to take over
  int reruns_ = 0;
};

}  // namespace luthier::simulation
