// LiveInvariants: the checkers of controller/core/invariants.h over the live event log (--check-invariants). A
// violation is an error in the log, "invariant_violated"; it never stops the controller. Used by the state thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/log.h"
#include "controller/core/invariants.h"
#include "controller/store/store.h"

namespace luthier::controller {

class LiveInvariants {
 public:
  // Goes on from `state`, whose events were replayed.
  LiveInvariants(const core::State& state, Log& log) : checker_(state), log_(log) {}

  // The effects of one step(), whole.
  void on_step(const std::vector<core::Effect>& effects) { checker_.on_effects(effects); }
  // After the commit of everything that the steps so far journaled.
  void on_commit(const store::Batch& batch, const core::State& state, Now now);

 private:
  core::InvariantChecker checker_;
  Log& log_;
  std::int64_t reasons_monotonic_ms_ = 0;  // when they were last checked
};

}  // namespace luthier::controller
