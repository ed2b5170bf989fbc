#include "agents/worker/model/llama.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace luthier::worker {
namespace {

// Keys and values hold at least this many positions, so that short answers never grow them.
constexpr std::int64_t kCachePositionsMin = 128;

// Swaps the halves of the last dimension with a sign, as the rotary embedding of this family is defined.
at::Tensor rotate_half(const at::Tensor& x) {
  const std::int64_t half = x.size(-1) / 2;
  return at::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
}

at::Tensor in_dtype(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.scalar_type() == dtype ? tensor : tensor.to(dtype);
}

// The first rows of `positions` for each sequence, one sequence after the other.
at::Tensor restarted(const at::Tensor& positions, const std::vector<std::int64_t>& lengths) {
  std::vector<at::Tensor> parts;
  parts.reserve(lengths.size());
  for (const std::int64_t length : lengths) {
    parts.push_back(positions.narrow(0, 0, length));
  }
  return at::cat(parts, 0);
}

at::Tensor grown(const at::Tensor& old, std::int64_t used, std::int64_t needed, const at::Tensor& like) {
  const std::int64_t capacity = std::max({kCachePositionsMin, needed, old.defined() ? 2 * old.size(2) : 0});
  at::Tensor bigger = at::empty({1, like.size(1), capacity, like.size(3)}, like.options());
  if (old.defined() && used > 0) {
    bigger.narrow(2, 0, used).copy_(old.narrow(2, 0, used));
  }
  return bigger;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> KeyValueCache::append(std::size_t layer, const at::Tensor& key,
                                                        const at::Tensor& value) {
  const std::int64_t count = key.size(2);
  const std::int64_t total = length_ + count;
  if (!keys_[layer].defined() || keys_[layer].size(2) < total) {
    keys_[layer] = grown(keys_[layer], length_, total, key);
    values_[layer] = grown(values_[layer], length_, total, value);
  }
  keys_[layer].narrow(2, length_, count).copy_(key);
  values_[layer].narrow(2, length_, count).copy_(value);
  if (layer + 1 == keys_.size()) {
    length_ = total;
  }
  return {keys_[layer].narrow(2, 0, total), values_[layer].narrow(2, 0, total)};
}

struct Llama::Pass {
  bool training = false;
  KeyValueCache* cache = nullptr;
  const std::vector<std::int64_t>* lengths = nullptr;  // of several sequences in one row
  at::Tensor cosines;                                  // [T, head_dim] of this pass's positions, in dtype()
  at::Tensor sines;
};

Llama::Llama(ModelConfig config, at::ScalarType dtype, at::Device device)
    : config_(std::move(config)),
      dtype_(dtype),
      device_(device),
      layers_(static_cast<std::size_t>(config_.num_hidden_layers)) {}

Result<Llama> Llama::load(const std::filesystem::path& folder, at::ScalarType dtype, at::Device device,
                          std::optional<at::ScalarType> kept) {
  LUTHIER_TRY(ModelConfig config, read_model_config(folder));
  LUTHIER_TRY(NamedTensors values, load_model_weights(folder, config, kept.value_or(dtype)));
  Llama model(std::move(config), dtype, device);
  model.adopt(std::move(values));
  return model;
}

Llama Llama::create(const ModelConfig& config, std::uint64_t seed, at::ScalarType dtype, at::Device device) {
  constexpr double kDeviation = 0.02;
  const double embedding_deviation = std::max(kDeviation, 1.0 / std::sqrt(static_cast<double>(config.hidden_size)));
  at::Generator generator = at::detail::createCPUGenerator(seed);
  NamedTensors values;
  for (const WeightSpec& spec : weight_specs(config)) {
    at::Tensor value = at::zeros(spec.shape, at::kFloat);
    if (spec.name.ends_with("norm.weight")) {
      value.fill_(1.0);
    } else if (spec.shape.size() == 2) {
      const bool embedding = spec.name == "model.embed_tokens.weight";
      value.normal_(0.0, embedding ? embedding_deviation : kDeviation, generator);
    }
    values.emplace(spec.name, value);
  }
  Llama model(config, dtype, device);
  model.adopt(std::move(values));
  return model;
}

std::vector<std::pair<std::string, at::Tensor*>> Llama::slots() {
  std::vector<std::pair<std::string, at::Tensor*>> slots{{"model.embed_tokens.weight", &embedding_}};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    const auto linear = [&](const char* name, Linear& slot, bool bias) {
      slots.emplace_back(prefix + name + ".weight", &slot.weight);
      if (bias) {
        slots.emplace_back(prefix + name + ".bias", &slot.bias);
      }
    };
    slots.emplace_back(prefix + "input_layernorm.weight", &layer.attention_norm);
    linear("self_attn.q_proj", layer.query, config_.query_key_value_bias);
    linear("self_attn.k_proj", layer.key, config_.query_key_value_bias);
    linear("self_attn.v_proj", layer.value, config_.query_key_value_bias);
    linear("self_attn.o_proj", layer.output, config_.output_bias);
    slots.emplace_back(prefix + "post_attention_layernorm.weight", &layer.mlp_norm);
    linear("mlp.gate_proj", layer.gate, config_.mlp_bias);
    linear("mlp.up_proj", layer.up, config_.mlp_bias);
    linear("mlp.down_proj", layer.down, config_.mlp_bias);
  }
  slots.emplace_back("model.norm.weight", &final_norm_);
  if (!config_.tie_word_embeddings) {
    slots.emplace_back("lm_head.weight", &head_);
  }
  return slots;
}

std::vector<std::pair<std::string, at::Tensor*>> Llama::adapter_slots() {
  std::vector<std::pair<std::string, at::Tensor*>> slots;
  const auto wanted = [&](const std::string& name) {
    const auto& targets = adapter_->target_modules;
    return std::find(targets.begin(), targets.end(), name) != targets.end();
  };
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const std::string prefix = "base_model.model.model.layers." + std::to_string(i) + ".";
    const auto linear = [&](const char* group, const char* name, Linear& slot) {
      if (wanted(name)) {
        slots.emplace_back(prefix + group + "." + name + ".lora_A.weight", &slot.lora_a);
        slots.emplace_back(prefix + group + "." + name + ".lora_B.weight", &slot.lora_b);
      }
    };
    linear("self_attn", "q_proj", layer.query);
    linear("self_attn", "k_proj", layer.key);
    linear("self_attn", "v_proj", layer.value);
    linear("self_attn", "o_proj", layer.output);
    linear("mlp", "gate_proj", layer.gate);
    linear("mlp", "up_proj", layer.up);
    linear("mlp", "down_proj", layer.down);
  }
  return slots;
}

void Llama::adopt(NamedTensors values) {
  for (const auto& [name, slot] : slots()) {
    const auto found = values.find(name);
    LUTHIER_CHECK(found != values.end());
    *slot = found->second.to(device_);
  }
}

void Llama::adopt_adapter(const AdapterConfig& config, NamedTensors values) {
  adapter_ = AdapterConfig{.target_modules = lora_target_names()};
  for (const auto& [name, slot] : adapter_slots()) {
    *slot = at::Tensor();  // an earlier adapter may have had other targets
  }
  adapter_ = config;
  for (const auto& [name, slot] : adapter_slots()) {
    const auto found = values.find(name);
    LUTHIER_CHECK(found != values.end());
    *slot = found->second.to(device_);
  }
}

void Llama::create_adapter(const AdapterConfig& config, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  NamedTensors values;
  for (const WeightSpec& spec : adapter_weight_specs(config, config_)) {
    at::Tensor value = at::zeros(spec.shape, at::kFloat);
    if (spec.name.ends_with(".lora_A.weight")) {
      const double bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
      value.uniform_(-bound, bound, generator);
    }
    values.emplace(spec.name, value);
  }
  adopt_adapter(config, std::move(values));
}

Result<void> Llama::load_adapter(const std::filesystem::path& folder) {
  LUTHIER_TRY(const AdapterConfig config, read_adapter_config(folder));
  LUTHIER_TRY(NamedTensors values,
              load_tensors(folder / "adapter_model.safetensors", adapter_weight_specs(config, config_)));
  adopt_adapter(config, std::move(values));
  return {};
}

void Llama::make_trainable() {
  for (const auto& [name, slot] : has_adapter() ? adapter_slots() : slots()) {
    *slot = in_dtype(*slot, at::kFloat);
    slot->set_requires_grad(true);
  }
}

NamedTensors Llama::weights() const {
  NamedTensors tensors;
  for (const auto& [name, slot] : const_cast<Llama*>(this)->slots()) {
    tensors.emplace(name, *slot);
  }
  return tensors;
}

NamedTensors Llama::adapter_weights() const {
  NamedTensors tensors;
  for (const auto& [name, slot] : const_cast<Llama*>(this)->adapter_slots()) {
    tensors.emplace(name, *slot);
  }
  return tensors;
}

namespace {

void assign(const std::vector<std::pair<std::string, at::Tensor*>>& slots, const NamedTensors& values) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, slot] : slots) {
    const auto found = values.find(name);
    LUTHIER_CHECK(found != values.end() && found->second.sizes() == slot->sizes());
    slot->copy_(found->second);
  }
}

}  // namespace

void Llama::assign_weights(const NamedTensors& values) { assign(slots(), values); }
void Llama::assign_adapter_weights(const NamedTensors& values) { assign(adapter_slots(), values); }

void Llama::extend_rope(std::int64_t length) const {
  if (cosines_.defined() && cosines_.size(0) >= length) {
    return;
  }
  const at::NoGradGuard no_grad;
  const std::int64_t enough = std::max<std::int64_t>(length, cosines_.defined() ? 2 * cosines_.size(0) : 256);
  const std::vector<double> frequencies = rope_inverse_frequencies(config_);
  const at::Tensor angles =
      at::outer(at::arange(enough, at::kFloat), at::tensor(frequencies, at::kDouble).to(at::kFloat));
  const at::Tensor both = at::cat({angles, angles}, -1);
  cosines_ = both.cos().to(device_, dtype_);
  sines_ = both.sin().to(device_, dtype_);
}

at::Tensor Llama::hidden_states(const at::Tensor& tokens, bool training) const {
  Pass pass;
  pass.training = training;
  return run(tokens, pass);
}

at::Tensor Llama::hidden_states(const at::Tensor& tokens, const std::vector<std::int64_t>& lengths,
                                bool training) const {
  LUTHIER_CHECK(tokens.size(0) == 1 &&
                std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}) == tokens.size(1));
  Pass pass;
  pass.training = training;
  pass.lengths = &lengths;
  return run(tokens, pass);
}

at::Tensor Llama::hidden_states(const at::Tensor& tokens, KeyValueCache& cache) const {
  LUTHIER_CHECK(tokens.size(0) == 1 && (tokens.size(1) == 1 || cache.length() == 0));
  Pass pass;
  pass.cache = &cache;
  return run(tokens, pass);
}

at::Tensor Llama::run(const at::Tensor& tokens, Pass& pass) const {
  const std::int64_t past = pass.cache != nullptr ? pass.cache->length() : 0;
  const std::int64_t count = tokens.size(1);
  if (pass.lengths == nullptr) {
    extend_rope(past + count);
    pass.cosines = cosines_.narrow(0, past, count);
    pass.sines = sines_.narrow(0, past, count);
  } else {
    extend_rope(*std::max_element(pass.lengths->begin(), pass.lengths->end()));
    pass.cosines = restarted(cosines_, *pass.lengths);
    pass.sines = restarted(sines_, *pass.lengths);
  }
  at::Tensor x = in_dtype(at::embedding(embedding_, tokens), dtype_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = x + attention(i, normalized(x, layers_[i].attention_norm), pass);
    x = x + feed_forward(layers_[i], normalized(x, layers_[i].mlp_norm), pass);
  }
  return normalized(x, final_norm_);
}

at::Tensor Llama::attention(std::size_t index, const at::Tensor& x, Pass& pass) const {
  const Layer& layer = layers_[index];
  const std::int64_t batch = x.size(0);
  const std::int64_t count = x.size(1);
  const auto split = [&](const at::Tensor& projected, std::int64_t heads) {
    return projected.view({batch, count, heads, config_.head_dim}).transpose(1, 2);
  };
  const auto rotated = [&](const at::Tensor& heads) { return heads * pass.cosines + rotate_half(heads) * pass.sines; };
  const at::Tensor query = rotated(split(apply(layer.query, x, pass), config_.num_attention_heads));
  at::Tensor key = rotated(split(apply(layer.key, x, pass), config_.num_key_value_heads));
  at::Tensor value = split(apply(layer.value, x, pass), config_.num_key_value_heads);
  if (pass.cache != nullptr) {
    std::tie(key, value) = pass.cache->append(index, key, value);
  }
  const at::Tensor mixed = mixed_values(query, key, value, pass);
  return apply(layer.output, mixed.transpose(1, 2).reshape({batch, count, -1}), pass);
}

at::Tensor Llama::mixed_values(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                               const Pass& pass) const {
  const bool grouped = config_.num_attention_heads != config_.num_key_value_heads;
  const auto attend = [&](const at::Tensor& asks, const at::Tensor& keys, const at::Tensor& values) {
    return at::scaled_dot_product_attention(asks, keys, values, {}, 0.0, /*is_causal=*/asks.size(2) > 1, std::nullopt,
                                            /*enable_gqa=*/grouped);
  };
  if (pass.lengths == nullptr) {
    return attend(query, key, value);
  }
  // A mask over the whole row would cost the square of its length; its sequences by themselves cost what they are.
  const auto queries = query.split_with_sizes(*pass.lengths, 2);
  const auto keys = key.split_with_sizes(*pass.lengths, 2);
  const auto values = value.split_with_sizes(*pass.lengths, 2);
  std::vector<at::Tensor> parts;
  parts.reserve(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    parts.push_back(attend(queries[i], keys[i], values[i]));
  }
  return at::cat(parts, 2);
}

at::Tensor Llama::feed_forward(const Layer& layer, const at::Tensor& x, const Pass& pass) const {
  return apply(layer.down, at::silu(apply(layer.gate, x, pass)) * apply(layer.up, x, pass), pass);
}

at::Tensor Llama::apply(const Linear& linear, const at::Tensor& x, const Pass& pass) const {
  const at::Tensor bias = linear.bias.defined() ? in_dtype(linear.bias, dtype_) : linear.bias;
  at::Tensor y = at::linear(x, in_dtype(linear.weight, dtype_), bias);
  if (!adapter_enabled_ || !linear.lora_a.defined()) {
    return y;
  }
  at::Tensor seen = x;
  if (pass.training && adapter_->dropout > 0) {
    seen = at::dropout(x, adapter_->dropout, /*train=*/true);
  }
  const at::Tensor low = at::linear(seen, in_dtype(linear.lora_a, dtype_));
  return y + at::linear(low, in_dtype(linear.lora_b, dtype_)) * adapter_->scale();
}

// Statistics in float32 whatever the dtype, as the reference implementations do.
at::Tensor Llama::normalized(const at::Tensor& x, const at::Tensor& weight) const {
  const at::Tensor wide = in_dtype(x, at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + config_.rms_norm_eps);
  return in_dtype(wide * scale, dtype_) * in_dtype(weight, dtype_);
}

at::Tensor Llama::logits(const at::Tensor& rows) const {
  const at::Tensor& head = config_.tie_word_embeddings ? embedding_ : head_;
  return in_dtype(at::linear(rows, in_dtype(head, dtype_)), at::kFloat);
}

}  // namespace luthier::worker
