#include "agents/worker/model/scoring.h"

#include <algorithm>
#include <numeric>

#include "agents/worker/model/batch.h"

namespace luthier::worker {
namespace {

// Calls `visit(indices, logits, targets)` for passes that together hold every example once, longest first.
template <class Visit>
void for_each_pass(const Llama& model, const std::vector<const Example*>& examples, const ScoreProgress& progress,
                   const Visit& visit) {
  const at::NoGradGuard no_grad;
  std::vector<std::size_t> order(examples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return examples[a]->input_length() > examples[b]->input_length();
  });
  const std::int64_t tokens_max = tokens_per_pass_max(model.config());
  for (std::size_t begin = 0; begin < order.size();) {
    const std::int64_t longest = examples[order[begin]]->input_length();
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(1, tokens_max / longest));
    const std::size_t end = std::min(order.size(), begin + count);
    const std::vector<std::size_t> indices(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                           order.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<const Example*> part;
    for (const std::size_t index : indices) {
      part.push_back(examples[index]);
    }
    const TensorBatch batch = tensor_batch(part, model.device());
    visit(indices, supervised_logits(model, batch, /*training=*/false), batch.targets);
    begin = end;
    if (progress && !progress(end)) {
      return;
    }
  }
}

// Log-probability of each target, as float32 on the CPU.
at::Tensor target_log_probabilities(const at::Tensor& logits, const at::Tensor& targets) {
  const at::Tensor chosen = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
  return (chosen - logits.logsumexp(-1)).to(at::kCPU).contiguous();
}

}  // namespace

std::int64_t tokens_per_pass_max(const ModelConfig& config) {
  constexpr std::int64_t kSmallVocabulary = 16'384;
  return config.vocab_size <= kSmallVocabulary ? 4'096 : 1'024;
}

Score score_examples(const Llama& model, const std::vector<const Example*>& examples, const ScoreProgress& progress) {
  Score score;
  score.examples.resize(examples.size());
  double loss_total = 0;
  std::int64_t correct_tokens = 0;
  std::int64_t correct_examples = 0;
  for_each_pass(model, examples, progress,
                [&](const auto& indices, const at::Tensor& logits, const at::Tensor& targets) {
                  const at::Tensor values = target_log_probabilities(logits, targets);
                  loss_total -= values.to(at::kDouble).sum().template item<double>();
                  const float* value = values.const_data_ptr<float>();
                  const at::Tensor hits = logits.argmax(-1).eq(targets).to(at::kCPU).contiguous();
                  const bool* hit = hits.const_data_ptr<bool>();
                  for (const std::size_t index : indices) {
                    const auto count = examples[index]->supervised_count();
                    const auto right = std::count(hit, hit + count, true);
                    correct_tokens += right;
                    correct_examples += right == count ? 1 : 0;
                    score.token_count += count;
                    ++score.example_count;
                    score.examples[index] = {-std::accumulate(value, value + count, 0.0), count, right};
                    value += count;
                    hit += count;
                  }
                });
  const auto tokens = static_cast<double>(std::max<std::int64_t>(1, score.token_count));
  score.loss = loss_total / tokens;
  score.token_accuracy = static_cast<double>(correct_tokens) / tokens;
  score.sequence_accuracy =
      static_cast<double>(correct_examples) / static_cast<double>(std::max<std::int64_t>(1, score.example_count));
  return score;
}

std::vector<double> log_likelihoods(const Llama& model, const std::vector<const Example*>& examples,
                                    const ScoreProgress& progress) {
  std::vector<double> sums(examples.size(), 0.0);
  for_each_pass(model, examples, progress,
                [&](const auto& indices, const at::Tensor& logits, const at::Tensor& targets) {
                  const at::Tensor values = target_log_probabilities(logits, targets);
                  const float* value = values.const_data_ptr<float>();
                  for (const std::size_t index : indices) {
                    const auto count = examples[index]->supervised_count();
                    sums[index] = std::accumulate(value, value + count, 0.0);
                    value += count;
                  }
                });
  return sums;
}

}  // namespace luthier::worker
