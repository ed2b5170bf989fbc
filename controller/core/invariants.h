// Invariants: checkers over the event log and the state (DESIGN section 3). Used by the simulation, and by a debug
// build of the controller. They keep their own small account of the events and share no code with the machine, so
// that a mistake there does not hide here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/core.h"

namespace luthier::core {

class InvariantChecker {
 public:
  // Every journaled event, in order, once.
  void on_event(const Event& event);
  // After each step(). Only facts of the state alone, so that it costs little.
  void on_state(const State& state);
  // Invariant 10: `live` is the state after some journal index, `replayed` the journal replayed up to it.
  void on_replay(const State& live, const State& replayed);

  // "invariant 2: r-1/train/1 committed outputs although attempt 2 exists". Empty: all is well.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

 private:
  struct Step {
    bool terminal = false;
    std::int32_t newest_attempt = 0;
    bool attempt_open = false;       // assigned and not ended
    bool outputs_committed = false;  // an attempt ended in success
    std::int64_t newest_checkpoint = 0;
  };
  using Key = std::pair<RunId, StepId>;

  void on(const RunSubmitted& event);
  void on(const StepReady& event);
  void on(const StepSkipped& event);
  void on(const AttemptAssigned& event);
  void on(const AttemptStarted& event);
  void on(const AttemptReady& event);
  void on(const CheckpointCommitted& event);
  void on(const AttemptEnded& event);
  void on(const AllocationReleased& event);
  void on(const StepRetrying& event);
  void on(const StepSucceeded& event);
  void on(const StepFailed& event);
  void on(const StepCancelled& event);
  void on(const RunFinished& event);
  void on(const DeploymentRequested& event);
  void on(const DeploymentStopped& event);
  void on(const auto&) {}  // says nothing that these invariants speak of

  void violate(int invariant, const std::string& what);
  Step* step_of(const RunId& run, const StepId& step, const std::string& what);
  Step* newest_open(const AttemptId& attempt, int invariant, const std::string& what);
  void end_step(const RunId& run, const StepId& step, const std::string& how);

  std::map<Key, Step> steps_;
  std::map<RunId, std::vector<StepId>> runs_;
  std::map<std::pair<AgentId, int>, AttemptId> gpus_;
  std::map<AttemptId, Allocation> allocations_;
  std::vector<std::string> violations_;
};

}  // namespace luthier::core
