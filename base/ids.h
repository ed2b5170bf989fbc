// Identifiers as distinct types, so that f(step, agent) cannot be called with its arguments swapped.
// All are value types with ordering, hashing left to std::map users.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace luthier {

template <class Tag>
struct StringId {
  std::string value;

  [[nodiscard]] bool empty() const { return value.empty(); }
  friend auto operator<=>(const StringId&, const StringId&) = default;
};

using RunId = StringId<struct RunIdTag>;      // "r-17": one run of a pipeline, or "d-3": a deployment
using StepId = StringId<struct StepIdTag>;    // unique within its run: "train", or "train[lr=0.1]"
using AgentId = StringId<struct AgentIdTag>;  // "a-2"

// One try at one step. `number` starts at 1; a greater number supersedes all smaller ones (fencing). An attempt on
// several nodes (a gang) has a process on each: these have ids of their own, told apart by `rank`, and the one of rank
// 0 is also the attempt's.
struct AttemptId {
  RunId run;
  StepId step;
  std::int32_t number = 0;
  std::int32_t rank = 0;

  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

// "r-17/train/2", or "r-17/train/2#1" of rank 1, for logs and file names made by us.
[[nodiscard]] inline std::string to_string(const AttemptId& id) {
  return id.run.value + "/" + id.step.value + "/" + std::to_string(id.number) +
         (id.rank == 0 ? "" : "#" + std::to_string(id.rank));
}

}  // namespace luthier
