// What a run of a plan would do now: decided from the state as the machine decides it, without changing anything. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/core/state.h"

namespace luthier::core {

struct StepForecast {
  enum class Decision {
    kReuse,       // its outputs are there already
    kRun,         // a process is started
    kController,  // the controller does it, without a process
    kSkip,        // its condition is false, or a need is skipped
    kOpen,        // its condition asks for outputs that are not there yet
    kFail,        // an input cannot be resolved
  };
  StepId step;
  Decision decision = Decision::kRun;
  std::string why;                // one sentence
  Json with = Json::object();     // the inputs that are known now
  std::vector<std::string> open;  // names of the others
  std::vector<StepId> waits_for;  // steps that make what is not known: they run first
  Json cache;                     // as StepReady::cache has it; of a step with open inputs "nearest" at most
  friend bool operator==(const StepForecast&, const StepForecast&) = default;
};

[[nodiscard]] std::string to_string(StepForecast::Decision decision);  // "reuse", "run", …

// One for each step of the plan, in its order. Supposes that what runs succeeds, and that models, aliases and agents
// stay as they are. `state` needs only its agents, models and cache.
[[nodiscard]] std::vector<StepForecast> forecast(const State& state, const plan::Plan& plan);

}  // namespace luthier::core
