// What earlier runs tell about a step to come: how long it takes, and how many tokens a training reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/forecast.h"
#include "controller/store/store.h"

namespace luthier::http::api {

// How long a step with a process took in an earlier run, from its first attempt's start to its success.
struct StepTime {
  std::string run, pipeline, step, name, uses;
  std::int64_t milliseconds = 0;
  core::Json inputs;
  std::int64_t trained_tokens = 0;  // of a training that said so
};
// Of the newest runs of this pipeline and then of the newest of all, newest first. Without steps that were given their
// outputs. Reads whole runs: not for the state thread.
[[nodiscard]] Result<std::vector<StepTime>> read_step_times(store::Store& store, const std::string& pipeline);

struct Guess {
  std::optional<std::int64_t> value;  // tokens, or milliseconds
  std::string why;                    // what it rests on, or why there is none
  friend bool operator==(const Guess&, const Guess&) = default;
};

// Over all epochs, of a training.
[[nodiscard]] Guess guess_tokens(const core::StepForecast& step, const std::vector<StepTime>& times);
// Milliseconds from the first attempt's start to the step's end.
[[nodiscard]] Guess guess_time(const std::string& pipeline, const plan::Step& step, const core::StepForecast& found,
                               const Guess& tokens, const std::vector<StepTime>& times);

}  // namespace luthier::http::api
