#include "agents/worker/train/optimizer.h"

#include <utility>

namespace luthier::worker {

Adamw::Adamw(const NamedTensors& parameters, AdamwOptions options) : options_(options) {
  groups_[0].weight_decay = options.weight_decay;
  for (const auto& [name, parameter] : parameters) {
    Group& group = groups_[parameter.dim() >= 2 ? 0 : 1];
    at::Tensor owned = parameter;
    owned.mutable_grad() = at::zeros_like(parameter);
    group.names.push_back(name);
    group.parameters.push_back(std::move(owned));
    group.averages.push_back(at::zeros_like(parameter).detach());
    group.squares.push_back(at::zeros_like(parameter).detach());
    group.steps.push_back(at::zeros({}, parameter.options().requires_grad(false)));
  }
}

std::vector<at::Tensor> Adamw::gradients(const Group& group) {
  std::vector<at::Tensor> list;
  for (const at::Tensor& parameter : group.parameters) {
    list.push_back(parameter.grad());
  }
  return list;
}

void Adamw::zero_gradients() {
  for (const Group& group : groups_) {
    if (!group.parameters.empty()) {
      at::_foreach_zero_(gradients(group));
    }
  }
}

double Adamw::clip_gradients(double norm_max) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for (const Group& group : groups_) {
    if (!group.parameters.empty()) {
      for (at::Tensor& norm : at::_foreach_norm(gradients(group), 2)) {
        norms.push_back(std::move(norm));
      }
    }
  }
  const double norm = at::linalg_vector_norm(at::stack(norms), 2).item<double>();
  if (norm_max > 0 && norm > norm_max) {
    for (const Group& group : groups_) {
      if (!group.parameters.empty()) {
        at::_foreach_mul_(gradients(group), norm_max / (norm + 1e-6));
      }
    }
  }
  return norm;
}

void Adamw::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    if (group.parameters.empty()) {
      continue;
    }
    for (at::Tensor& step : group.steps) {
      step.add_(1);
    }
    at::_fused_adamw_(group.parameters, gradients(group), group.averages, group.squares, {}, group.steps, learning_rate,
                      options_.beta1, options_.beta2, group.weight_decay, options_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false);
  }
}

NamedTensors Adamw::state() const {
  NamedTensors state;
  for (const Group& group : groups_) {
    for (std::size_t i = 0; i < group.names.size(); ++i) {
      state[group.names[i] + ".exp_avg"] = group.averages[i];
      state[group.names[i] + ".exp_avg_sq"] = group.squares[i];
      state[group.names[i] + ".step"] = group.steps[i];
    }
  }
  return state;
}

Result<void> Adamw::restore(const NamedTensors& saved) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : state()) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      return Error{ErrorCode::kDataLoss, "the optimizer's state lacks tensor '" + name + "' of the right shape"};
    }
    tensor.copy_(found->second);
  }
  return {};
}

}  // namespace luthier::worker
