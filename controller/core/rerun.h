// Running an ended run again: what its successful steps made is taken over, the rest is done anew. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "controller/core/input.h"

namespace luthier::core {

// A step as the ended run left it.
struct EndedStep {
  StepStatus status = StepStatus::kWaiting;
  TakenOver made;             // of a step that succeeded
  bool outputs_gone = false;  // an artifact that it made has been deleted since
  Unfinished reached;         // of a step that did not succeed
};

struct Rerun {
  std::map<StepId, TakenOver> taken_over;
  std::set<StepId> anew;      // what failed, was cancelled or is gone, what is named by `from`, and all after these
  std::set<StepId> from_now;  // of these: what `from` names, and all after it
  std::map<StepId, Unfinished> unfinished;  // of `anew`, without `from_now`: what had committed checkpoints
};

// `from`: a step's id, or the name of all members of a matrix; empty: what did not succeed. A step that was skipped is
// in neither list: its condition is looked at again. kFailedPrecondition when there is nothing to do, kNotFound when no
// step is named so.
[[nodiscard]] Result<Rerun> make_rerun(const plan::Plan& plan, const std::map<StepId, EndedStep>& ended,
                                       const std::string& from);

}  // namespace luthier::core
