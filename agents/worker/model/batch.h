// Examples as tensors, and the loss of a model on them.
#pragma once

#include <cstdint>
#include <vector>

#include "agents/worker/formats/dataset.h"
#include "agents/worker/model/llama.h"
#include "agents/worker/model/torch_headers.h"

namespace luthier::worker {

// B examples padded on the right to T positions, with N supervised positions in all, in order of examples.
struct TensorBatch {
  at::Tensor tokens;                  // [B, T] int64
  at::Tensor rows;                    // [N] int64: which of the B x T positions are asked
  at::Tensor targets;                 // [N] int64: what the answers should be
  std::vector<std::int64_t> lengths;  // of a packed batch: positions of each example; else empty
};
[[nodiscard]] TensorBatch tensor_batch(const std::vector<const Example*>& examples, at::Device device);

// The same examples end to end in one row of T positions, without padding. They stay apart: the model sees each as if
// it were alone.
[[nodiscard]] TensorBatch packed_batch(const std::vector<const Example*>& examples, at::Device device);

// float32 logits [N, V] of the supervised positions only.
[[nodiscard]] at::Tensor supervised_logits(const Llama& model, const TensorBatch& batch, bool training);

// Sums over the supervised positions, so that parts of a batch can be added up before dividing.
struct LossSums {
  at::Tensor loss;                 // scalar, carries gradients when the model is trainable
  std::int64_t correct_count = 0;  // positions whose most likely token is the target
};
[[nodiscard]] LossSums loss_sums(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace luthier::worker
