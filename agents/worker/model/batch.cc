#include "agents/worker/model/batch.h"

#include <algorithm>

namespace luthier::worker {

TensorBatch tensor_batch(const std::vector<const Example*>& examples, at::Device device) {
  std::int64_t longest = 0;
  std::int64_t supervised = 0;
  for (const Example* example : examples) {
    longest = std::max(longest, example->input_length());
    supervised += example->supervised_count();
  }
  const auto count = static_cast<std::int64_t>(examples.size());
  TensorBatch batch{at::zeros({count, longest}, at::kLong),
                    at::empty({supervised}, at::kLong),
                    at::empty({supervised}, at::kLong),
                    {}};
  auto* tokens = batch.tokens.mutable_data_ptr<std::int64_t>();
  auto* rows = batch.rows.mutable_data_ptr<std::int64_t>();
  auto* targets = batch.targets.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const Example& example = *examples[static_cast<std::size_t>(i)];
    std::copy(example.ids.begin(), example.ids.end() - 1, tokens + i * longest);
    for (std::size_t at = 1; at < example.ids.size(); ++at) {
      if (example.trained[at]) {
        *rows++ = i * longest + static_cast<std::int64_t>(at) - 1;
        *targets++ = example.ids[at];
      }
    }
  }
  return {batch.tokens.to(device), batch.rows.to(device), batch.targets.to(device), {}};
}

TensorBatch packed_batch(const std::vector<const Example*>& examples, at::Device device) {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> targets;
  TensorBatch batch;
  for (const Example* example : examples) {
    const auto begin = std::ssize(tokens);
    tokens.insert(tokens.end(), example->ids.begin(), example->ids.end() - 1);
    batch.lengths.push_back(example->input_length());
    for (std::size_t at = 1; at < example->ids.size(); ++at) {
      if (example->trained[at]) {
        rows.push_back(begin + static_cast<std::int64_t>(at) - 1);
        targets.push_back(example->ids[at]);
      }
    }
  }
  batch.tokens = at::tensor(tokens, at::kLong).unsqueeze(0).to(device);
  batch.rows = at::tensor(rows, at::kLong).to(device);
  batch.targets = at::tensor(targets, at::kLong).to(device);
  return batch;
}

at::Tensor supervised_logits(const Llama& model, const TensorBatch& batch, bool training) {
  const at::Tensor hidden = batch.lengths.empty() ? model.hidden_states(batch.tokens, training)
                                                  : model.hidden_states(batch.tokens, batch.lengths, training);
  return model.logits(hidden.flatten(0, 1).index_select(0, batch.rows));
}

LossSums loss_sums(const at::Tensor& logits, const at::Tensor& targets) {
  LossSums sums;
  sums.loss = at::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum);
  const at::NoGradGuard no_grad;
  sums.correct_count = logits.argmax(-1).eq(targets).sum().item<std::int64_t>();
  return sums;
}

}  // namespace luthier::worker
