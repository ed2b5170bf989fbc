// AttemptIndex: which attempt is the newest of each unfinished step, for threads other than the state thread. Follows
// committed events, so that it never says more than the journal does. Thread-safe.
#pragma once

#include <map>
#include <shared_mutex>

#include "base/ids.h"
#include "controller/core/state.h"

namespace luthier::controller {

class AttemptIndex {
 public:
  // What following the events up to this state gives.
  void reset(const core::State& state);
  void apply(const core::Event& event);
  [[nodiscard]] bool is_current(const AttemptId& attempt) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<RunId, std::map<StepId, std::int32_t>> newest_;  // numbers; finished steps are gone from it
};

}  // namespace luthier::controller
