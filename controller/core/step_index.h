// What the machine would otherwise find by walking over every live step: derived from the rest of State, kept by
// apply(), neither journaled nor hashed. Whoever fills a State in another way (a snapshot) calls index_run() for each
// of its runs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "pipelines/plan/plan.h"

namespace luthier::core {

struct State;

// In a run: positions are those of the plan's steps.
struct RunIndex {
  std::map<StepId, std::uint32_t> position;
  std::vector<std::vector<std::uint32_t>> dependents;
  std::vector<std::uint32_t> open_needs;  // needs that are not over
  std::vector<bool> over;
  std::set<std::uint32_t> decidable;  // waiting steps whose needs are all over
  std::uint32_t open_steps = 0;       // not over
  // Members of a matrix with a limit that are assigned or running, by the name that they share.
  std::map<std::string, std::set<std::uint32_t>> busy_members;
  friend bool operator==(const RunIndex&, const RunIndex&) = default;
};

// A step's place in the queue for agents: the most urgent first, then the oldest run, then the plan's order.
struct ReadyKey {
  int urgency = 0;  // priority, negated
  std::uint64_t order = 0;
  std::uint32_t position = 0;
  RunId run;
  friend auto operator<=>(const ReadyKey&, const ReadyKey&) = default;
};

// What a step asks of an agent; steps of equal shape find room or do not.
using Shape = std::tuple<int, int, double, std::uint64_t, std::map<std::string, std::string>>;
[[nodiscard]] Shape shape_of(const plan::Step& step);

// Ready steps that wait for an agent.
struct ReadyQueue {
  std::set<ReadyKey> ready;
  std::map<Shape, std::uint32_t> shapes;                // how many of each are ready
  std::set<std::pair<std::int64_t, ReadyKey>> due;      // by not_before_wall_ms
  std::set<std::pair<std::int64_t, ReadyKey>> notices;  // by when StepWaiting is due
  struct Times {
    std::int64_t due_wall_ms = 0;
    std::int64_t notice_wall_ms = 0;  // 0: none
    friend bool operator==(const Times&, const Times&) = default;
  };
  std::map<ReadyKey, Times> times;  // under which each is filed

  // Steps that wait for a person no longer than until the given time.
  std::set<std::pair<std::int64_t, ReadyKey>> approvals;
  std::map<ReadyKey, std::int64_t> approval_times;

  friend bool operator==(const ReadyQueue&, const ReadyQueue&) = default;

  [[nodiscard]] std::int64_t next_due_after(std::int64_t wall_ms) const;  // 0: none
  [[nodiscard]] std::int64_t next_notice_wall_ms() const;                 // 0: none
  [[nodiscard]] std::int64_t next_approval_wall_ms() const;               // 0: none
  [[nodiscard]] std::vector<ReadyKey> approvals_until(std::int64_t wall_ms) const;
  [[nodiscard]] std::vector<ReadyKey> notices_until(std::int64_t wall_ms) const;
};

void index_run(State& state, const RunId& run);
void unindex_run(State& state, const RunId& run);
// After an event about the step. Nothing for a step of a deployment, or of a run that is over.
void index_step(State& state, const RunId& run, const StepId& step);

}  // namespace luthier::core
