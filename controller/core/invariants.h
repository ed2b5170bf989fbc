// Invariants: checkers over the event log and the state (DESIGN section 3). The simulation runs all of them after every
// event; luthierd runs them over its live log when asked (--check-invariants). They keep their own small account of the
// events and share no code with the machine, so that a mistake there does not hide here.
//
// A violation reads "invariant 2: r-1/train/1 committed outputs although attempt 2 exists", or "rule: …" for a promise
// of DESIGN that has no number (retry budgets, the crash limit, the grace period, needs before steps).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/core.h"

namespace luthier::core {

class InvariantChecker {
 public:
  InvariantChecker() = default;
  // Goes on from a state whose events were not seen (a replayed journal, a snapshot).
  explicit InvariantChecker(const State& state);

  // Every journaled event, in order, once; `now` as it was journaled.
  void on_event(const Event& event, Now now = {});
  // After each step(). Only facts of the state alone, so that it costs little.
  void on_state(const State& state);
  // Invariant 10: `live` is the state after some journal index, `replayed` the journal replayed up to it.
  void on_replay(const State& live, const State& replayed);
  // Invariant 9, the outbox's half: what one step() journaled and what it published tell the same story.
  void on_effects(const std::vector<Effect>& effects);
  // Invariant 13: each step that is not over has a reason, and it is true by this checker's own account. `reason` is
  // what people are told. `strict`: a sentence of an unknown form is a violation too.
  using ReasonOf = std::function<std::string(const RunId&, const StepId&)>;
  void on_reasons(const ReasonOf& reason, Now now, bool strict);
  // No agent may be lost so soon after a controller's start; 0: not checked.
  void set_start_grace(milliseconds grace) { start_grace_ = grace; }

  // Empty: all is well.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  void clear_violations() { violations_.clear(); }

 private:
  enum class Phase { kWaiting, kReady, kAssigned, kRunning, kOver };
  struct Step {
    plan::Step plan;  // of a deployment: only what serving needs
    Phase phase = Phase::kWaiting;
    std::int32_t newest_attempt = 0;
    std::vector<AgentId> agents;     // of the newest attempt, by rank
    std::set<std::int32_t> done;     // ranks of it that ended well
    std::int32_t attempts_lost = 0;  // behind it: not to be given
    bool attempt_open = false;       // assigned and not ended
    bool outputs_committed = false;  // an attempt ended in success
    bool succeeded = false;
    std::int64_t newest_checkpoint = 0;
    std::int64_t not_before_wall_ms = 0;
    int infrastructure_failures = 0;
    int user_failures = 0;
    int preemptions = 0;
    std::set<AgentId> crashed_on;
    std::int64_t ready_since_wall_ms = 0;
    enum class Word { kNone, kApproved, kRejected } word = Word::kNone;  // a person's, on an approve step
  };
  struct Node {
    bool connected = false;
    AgentResources resources;
    Labels labels;
    bool cordoned = false;
    bool draining = false;
  };
  using Key = std::pair<RunId, StepId>;

  void on(const ControllerStarted& event, Now now);
  void on(const AgentJoined& event, Now now);
  void on(const AgentLost& event, Now now);
  void on(const AgentCordoned& event, Now now);
  void on(const AgentDraining& event, Now now);
  void on(const AgentForgotten& event, Now now);
  void on(const RunSubmitted& event, Now now);
  void on(const StepReady& event, Now now);
  void on(const StepSkipped& event, Now now);
  void on(const AttemptAssigned& event, Now now);
  void on(const AttemptStarted& event, Now now);
  void on(const AttemptReady& event, Now now);
  void on(const CheckpointCommitted& event, Now now);
  void on(const RankFinished& event, Now now);
  void on(const AttemptEnded& event, Now now);
  void on(const AllocationReleased& event, Now now);
  void on(const StepRetrying& event, Now now);
  void on(const ApprovalDecided& event, Now now);
  void on(const StepSucceeded& event, Now now);
  void on(const StepRepeated& event, Now now);
  void on(const StepFailed& event, Now now);
  void on(const StepCancelled& event, Now now);
  void on(const RunFinished& event, Now now);
  void on(const StorageChanged& event, Now now);
  void on(const DeploymentRequested& event, Now now);
  void on(const DeploymentStopped& event, Now now);
  void on(const auto&, Now) {}  // says nothing that these invariants speak of

  void violate(int invariant, const std::string& what);
  void violate_rule(const std::string& what);
  Step* step_of(const RunId& run, const StepId& step, const std::string& what);
  Step* newest_open(const AttemptId& attempt, int invariant, const std::string& what);
  void end_step(const RunId& run, const StepId& step, const std::string& how);
  void hold(const AttemptId& attempt, const Allocation& allocation);
  void adopt(const Key& key, const plan::Step& plan, const LiveStep& live);

  // --- invariants_waiting.cc ---
  // What is wrong with the sentence; empty when it is true.
  [[nodiscard]] std::string untruth(const Step& step, const Key& key, const std::string& reason, Now now,
                                    bool strict) const;
  [[nodiscard]] std::string untruth_of_needs(const Step& step, const RunId& run, const std::string& reason) const;
  [[nodiscard]] std::string untruth_of_turn(const Step& step, const RunId& run, const std::string& reason) const;
  // Members of a matrix that are assigned or running.
  [[nodiscard]] std::size_t busy_members(const RunId& run, const std::string& name) const;
  [[nodiscard]] static std::string untruth_of_approval(const Step& step, const std::string& reason);
  [[nodiscard]] std::string untruth_of_pause(const Step& step, const std::string& reason, Now now) const;
  [[nodiscard]] std::string untruth_of_disk(const Step& step, const std::string& reason) const;
  [[nodiscard]] std::string untruth_of_room(const Step& step, const std::string& reason) const;
  [[nodiscard]] std::string untruth_of_gang(const Step& step, const std::string& reason) const;
  [[nodiscard]] std::string untruth_of_old_ranks(const Step& step, const Key& key) const;
  [[nodiscard]] std::string untruth_of_absence(const Step& step, const std::string& reason) const;
  // Whether it may be given such a step at all.
  [[nodiscard]] static bool is_open(const Node& node, const plan::Resources& wanted);
  [[nodiscard]] std::string untruth_of_place(const Step& step, const std::string& reason) const;
  [[nodiscard]] bool has_room(const AgentId& agent, const plan::Resources& wanted) const;

  std::map<Key, Step> steps_;
  std::map<RunId, std::vector<StepId>> runs_;
  std::map<AgentId, Node> agents_;
  std::map<std::pair<AgentId, int>, AttemptId> gpus_;
  std::map<AttemptId, Allocation> allocations_;
  std::map<std::string, AttemptId> rendezvous_;
  std::string storage_low_;
  Options options_;
  milliseconds start_grace_{0};
  std::int64_t started_monotonic_ms_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace luthier::core
