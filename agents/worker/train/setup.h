// From a train job to everything its training needs in memory.
#pragma once

#include "agents/worker/formats/dataset.h"
#include "agents/worker/formats/rows.h"
#include "agents/worker/model/llama.h"
#include "agents/worker/train/checkpoint.h"
#include "agents/worker/train/options.h"
#include "agents/worker/verbs.h"

namespace luthier::worker {

struct TrainSetup {
  TrainOptions options;
  Llama model;  // trainable
  Rows rows;
  Dataset validation;  // may hold no examples
  WeightsContext weights_context;
  Json base_artifact;  // what the result names as base when an adapter is trained
};

// Reads settings, tokenizer, model (or makes a new one) and data. Errors name what is wrong in the job.
[[nodiscard]] Result<TrainSetup> prepare_training(const VerbContext& context, at::Device device);

}  // namespace luthier::worker
