// TrainingSpeed: how fast a training of the controller goes or went, by what it reported, for estimates of GPU-hours.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api_client.h"

namespace luthier::cli {

struct TrainingSpeed {
  double tokens_per_second = 0;  // the median of its steps
  int gpus = 0;                  // that it was given; 0: it went without
  std::string source;            // "r-3/train, the median of its 48 optimizer steps"
};

// `reference`: RUN/STEP, or RUN where it has one training. kInvalidArgument, kNotFound: there is no such training, or
// it has reported nothing yet.
[[nodiscard]] Result<TrainingSpeed> training_speed(ApiClient& api, const std::string& reference);

// The step that RUN or RUN/STEP means, of a run as the API gives it. Pure.
[[nodiscard]] Result<std::string> training_in(const Json& run, const std::string& step);

// Of at least one number. Pure.
[[nodiscard]] double median_of(std::vector<double> values);

// The GPUs of a step by the file and the parameters of its run; 0 where they do not say it. Pure.
[[nodiscard]] int gpus_of(const Json& run, const std::string& step);

}  // namespace luthier::cli
