// TrainOptions: the settings of a train step, read from its `with` under the names of the OpenAI API. Free of
// LibTorch.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace luthier::worker {

using Json = nlohmann::json;

enum class Method { kSupervised, kPretrain };
enum class Decay { kConstant, kLinear, kCosine };

struct TrainOptions {
  Method method = Method::kSupervised;
  std::optional<std::int64_t> n_epochs = 3;  // absent: "auto", from the data's size
  std::optional<std::int64_t> max_steps;     // ends the training early; absent: n_epochs decides
  std::optional<std::int64_t> batch_size;    // examples per optimizer step; absent: from the data's size
  double learning_rate = 0;                  // with the multiplier in it
  double learning_rate_multiplier = 1;       // as given
  std::uint64_t seed = 42;
  double warmup_ratio = 0.05;  // of all steps
  Decay decay = Decay::kLinear;
  double weight_decay = 0.01;
  double adam_beta2 = 0.999;
  double max_grad_norm = 1;                          // 0: no clipping
  std::optional<std::int64_t> max_tokens;            // longest sequence; absent: what the model allows
  std::optional<std::int64_t> validate_every_steps;  // absent: about twenty times in all; 0: at epochs' ends only
  std::optional<std::int64_t> checkpoint_every_steps;
  std::int64_t checkpoint_every_epochs = 1;  // 0: never
  std::string dtype = "float32";
};

// `with` of the job. `full` says that all weights are trained, `fresh` that they are new: the default learning
// rate depends on it. The string "auto" means the default; for n_epochs it means automatic_epochs(). Unknown keys and
// bad values are errors that name them.
[[nodiscard]] Result<TrainOptions> parse_train_options(const Json& with, bool full, bool fresh);

// What batch_size is when it is not given, and what "auto" of n_epochs is: pipelines/worker_protocol/automatic.h.
[[nodiscard]] std::int64_t default_batch_size(std::int64_t example_count);
[[nodiscard]] std::int64_t automatic_epochs(Method method, std::int64_t example_count);

// Learning rate of a step, from 1 to total_steps: a linear rise over the warmup, then the decay towards 0.
[[nodiscard]] double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t total_steps);

// What must be equal for a checkpoint to be resumed.
[[nodiscard]] Json settings_json(const TrainOptions& options);

}  // namespace luthier::worker
