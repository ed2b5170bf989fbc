// What differs between two plans, step by step, and which steps of the second would therefore run again. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipelines/plan/plan.h"

namespace luthier::plan {

// One side. `facts` are what is known of a step beside its plan (the release that ran it, the weights behind a model's
// name), by names such as "environment.release"; they are compared where both sides have them.
struct DiffSide {
  Plan plan;
  std::map<StepId, std::map<std::string, Json>> facts;
};

struct Change {
  std::string component;  // "uses", "with.method.n_epochs", "resources.cpus", "if", "environment.release"
  Json before;            // null: it was not there
  Json now;
  friend bool operator==(const Change&, const Change&) = default;
};

struct StepDiff {
  enum class Kind {
    kUnchanged,
    kChanged,   // what its outputs depend on differs
    kUpstream,  // only steps before it run again
    kSettings,  // what differs (retries, time limits, priority) does not change its outputs
    kAdded,
    kRemoved,
  };
  StepId step;
  Kind kind = Kind::kUnchanged;
  std::vector<Change> changes;
  std::vector<StepId> after;  // needs that run again
  [[nodiscard]] bool runs_again() const {
    return kind == Kind::kChanged || kind == Kind::kUpstream || kind == Kind::kAdded;
  }
  friend bool operator==(const StepDiff&, const StepDiff&) = default;
};

[[nodiscard]] std::string to_string(StepDiff::Kind kind);  // "unchanged", "changed", …

// The steps of `b` in its order, then those that only `a` has.
[[nodiscard]] std::vector<StepDiff> diff(const DiffSide& a, const DiffSide& b);
// Of params, by name.
[[nodiscard]] std::vector<Change> diff_params(const Plan& a, const Plan& b);

}  // namespace luthier::plan
