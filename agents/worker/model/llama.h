// Llama: a decoder of the Llama family (RMSNorm, rotary embedding, grouped-query attention, SwiGLU), with or
// without a LoRA adapter, for training and for generation.
//
// Shapes: B sequences, T positions, H hidden size, V vocabulary. Batches are padded on the right: causal
// attention never looks right, so padding needs no mask and its rows are simply not read. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agents/worker/formats/adapter_config.h"
#include "agents/worker/formats/model_config.h"
#include "agents/worker/model/tensor_files.h"
#include "agents/worker/model/torch_headers.h"
#include "base/result.h"

namespace luthier::worker {

struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined
  at::Tensor lora_a;  // [r, in] float32, or undefined
  at::Tensor lora_b;  // [out, r] float32, or undefined
};

struct Layer {
  at::Tensor attention_norm;  // [H]
  Linear query, key, value, output;
  at::Tensor mlp_norm;  // [H]
  Linear gate, up, down;
};

// Keys and values of the positions seen so far by one sequence. Grows by doubling.
class KeyValueCache {
 public:
  explicit KeyValueCache(std::int64_t layer_count) : keys_(layer_count), values_(layer_count) {}

  [[nodiscard]] std::int64_t length() const { return length_; }

 private:
  friend class Llama;
  // Appends [1, heads, T, head_dim] and returns views of all positions up to length() + T.
  std::pair<at::Tensor, at::Tensor> append(std::size_t layer, const at::Tensor& key, const at::Tensor& value);

  std::vector<at::Tensor> keys_;  // [1, heads, capacity, head_dim], undefined at first
  std::vector<at::Tensor> values_;
  std::int64_t length_ = 0;
};

class Llama {
 public:
  // Reads config.json and the weights of a Hugging Face folder; computes in `dtype` on `device`. The weights are
  // kept in `kept` (float32 for those to be trained), or in `dtype` when it is not given.
  [[nodiscard]] static Result<Llama> load(const std::filesystem::path& folder, at::ScalarType dtype, at::Device device,
                                          std::optional<at::ScalarType> kept = std::nullopt);
  // New weights: normal with deviation 0.02, norms one, biases zero; float32 masters whatever `dtype`. Embeddings
  // deviate by 1/sqrt(hidden size) where that is more: in a small model with tied embeddings a token that the
  // pretraining never showed could otherwise not be said with any confidence, whatever an adapter learns.
  [[nodiscard]] static Llama create(const ModelConfig& config, std::uint64_t seed, at::ScalarType dtype,
                                    at::Device device);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] at::ScalarType dtype() const { return dtype_; }
  [[nodiscard]] const at::Device& device() const { return device_; }

  // A new adapter: A uniform in ±1/sqrt(in), B zero, so that the model's outputs do not change.
  void create_adapter(const AdapterConfig& config, std::uint64_t seed);
  [[nodiscard]] Result<void> load_adapter(const std::filesystem::path& folder);
  [[nodiscard]] bool has_adapter() const { return adapter_.has_value(); }
  [[nodiscard]] const AdapterConfig& adapter() const { return *adapter_; }
  void set_adapter_dropout(double dropout) { adapter_->dropout = dropout; }
  // Off: computes as the base model. On by default.
  void enable_adapter(bool enabled) { adapter_enabled_ = enabled; }

  // Makes the adapter's tensors (when there is one) or all weights trainable. Trainable weights become float32
  // masters; computation casts them to dtype().
  void make_trainable();

  // By the names of the file formats. The tensors are the model's own, not copies.
  [[nodiscard]] NamedTensors weights() const;
  [[nodiscard]] NamedTensors adapter_weights() const;
  // Overwrites values in place; names and shapes must be those of weights() or adapter_weights().
  void assign_weights(const NamedTensors& values);
  void assign_adapter_weights(const NamedTensors& values);

  // tokens [B, T] int64 -> [B, T, H]. `training` turns the adapter's dropout on (draws from the default
  // generator).
  [[nodiscard]] at::Tensor hidden_states(const at::Tensor& tokens, bool training = false) const;
  // tokens [1, T]: sequences of `lengths` end to end, whose sum is T. Each is seen as if it were alone: its positions
  // begin at 0 and it attends to itself only.
  [[nodiscard]] at::Tensor hidden_states(const at::Tensor& tokens, const std::vector<std::int64_t>& lengths,
                                         bool training) const;
  // tokens [1, T] that follow what `cache` holds -> [1, T, H]. T > 1 is only allowed with an empty cache.
  [[nodiscard]] at::Tensor hidden_states(const at::Tensor& tokens, KeyValueCache& cache) const;
  // rows [N, H] -> float32 [N, V].
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const;

 private:
  struct Pass;  // what one forward pass carries through the layers

  Llama(ModelConfig config, at::ScalarType dtype, at::Device device);

  // The slot of every weight by name, in the order of weight_specs().
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor*>> slots();
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor*>> adapter_slots();
  void adopt(NamedTensors values);
  void adopt_adapter(const AdapterConfig& config, NamedTensors values);
  void extend_rope(std::int64_t length) const;

  [[nodiscard]] at::Tensor run(const at::Tensor& tokens, Pass& pass) const;
  [[nodiscard]] at::Tensor mixed_values(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                        const Pass& pass) const;
  [[nodiscard]] at::Tensor attention(std::size_t index, const at::Tensor& x, Pass& pass) const;
  [[nodiscard]] at::Tensor feed_forward(const Layer& layer, const at::Tensor& x, const Pass& pass) const;
  [[nodiscard]] at::Tensor apply(const Linear& linear, const at::Tensor& x, const Pass& pass) const;
  [[nodiscard]] at::Tensor normalized(const at::Tensor& x, const at::Tensor& weight) const;

  ModelConfig config_;
  at::ScalarType dtype_;
  at::Device device_;
  at::Tensor embedding_;  // [V, H]
  std::vector<Layer> layers_;
  at::Tensor final_norm_;  // [H]
  at::Tensor head_;        // [V, H], undefined when tied
  std::optional<AdapterConfig> adapter_;
  bool adapter_enabled_ = true;

  mutable at::Tensor cosines_;  // [length, head_dim], grown on demand
  mutable at::Tensor sines_;
};

}  // namespace luthier::worker
