// Checkpoints: everything that a training needs to go on exactly where it was, as a folder.
//
//   adapter/ or model/      the weights, readable by other programs
//   optimizer.safetensors   exp_avg, exp_avg_sq and step of every trained tensor; the random generator's state;
//                           float32 masters when the weights are kept in a narrower type
//   trainer_state.json      step, data cursor, settings, hardware facts, the last metrics
//
// A folder appears under its final name only when every file in it is durable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "agents/worker/formats/model_extras.h"
#include "agents/worker/model/llama.h"
#include "agents/worker/train/optimizer.h"
#include "agents/worker/train/options.h"
#include "base/result.h"

namespace luthier::worker {

using Metrics = std::map<std::string, double>;

struct TrainerState {
  std::int64_t step = 0;            // optimizer steps done
  std::int64_t epoch = 0;           // the epoch of the next step, from 0
  std::int64_t batch_in_epoch = 0;  // the next step's batch
  std::int64_t elapsed_tokens = 0;
  std::int64_t elapsed_examples = 0;
  double loss_total = 0;  // sum of train_loss over all steps
  Metrics metrics;        // newest value of each
};

// What must not change between the checkpoint and its resumption (data, settings), and what must not change for
// the result to be bit for bit the same (hardware).
struct TrainingFacts {
  std::string data_fingerprint;
  Json settings;
  std::int64_t total_steps = 0;
  int threads = 1;
  std::string cpu_capability;
  std::string device;
};

// Where the weights' companions come from.
struct WeightsContext {
  std::filesystem::path tokenizer_folder;  // copied beside full weights
  ModelExtras extras;
  std::string chat_template;  // of a training on conversations, where the base does not have it; else empty
};

// Writes adapter weights (when the model has an adapter) or all weights as a folder for other programs.
[[nodiscard]] Result<void> save_weights(const Llama& model, const WeightsContext& context,
                                        const std::filesystem::path& folder);

[[nodiscard]] Result<void> save_checkpoint(const Llama& model, const Adamw& optimizer, const TrainerState& state,
                                           const TrainingFacts& facts, const WeightsContext& context,
                                           const std::filesystem::path& folder);

struct Resumed {
  TrainerState state;
  std::string note;  // not empty: why the result may differ in its last bits
};
// Restores model, optimizer and the default generator. kInvalidArgument when data or settings differ, kDataLoss
// when the folder is damaged.
[[nodiscard]] Result<Resumed> load_checkpoint(const std::filesystem::path& folder, const TrainingFacts& facts,
                                              Llama& model, Adamw& optimizer);

}  // namespace luthier::worker
