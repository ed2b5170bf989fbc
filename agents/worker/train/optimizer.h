// AdamW with decoupled weight decay over float32 masters, one fused call per group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/worker/model/tensor_files.h"
#include "agents/worker/model/torch_headers.h"
#include "base/result.h"

namespace luthier::worker {

struct AdamwOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // of matrices; norms and biases never decay
};

class Adamw {
 public:
  // `parameters` require gradients; the optimizer holds references to the same tensors.
  Adamw(const NamedTensors& parameters, AdamwOptions options);

  void zero_gradients();
  // Scales the gradients so that their global norm is at most `norm_max` (0: leaves them) and gives the norm
  // before that; not finite when any gradient is not.
  [[nodiscard]] double clip_gradients(double norm_max);
  void step(double learning_rate);

  // exp_avg and exp_avg_sq of every parameter, and the step count; the optimizer's own tensors.
  [[nodiscard]] NamedTensors state() const;
  // kDataLoss when a tensor is missing or of another shape.
  [[nodiscard]] Result<void> restore(const NamedTensors& state);

 private:
  struct Group {
    std::vector<std::string> names;
    std::vector<at::Tensor> parameters, averages, squares, steps;
    double weight_decay = 0;
  };
  [[nodiscard]] static std::vector<at::Tensor> gradients(const Group& group);

  AdamwOptions options_;
  Group groups_[2];  // decaying, not decaying
};

}  // namespace luthier::worker
