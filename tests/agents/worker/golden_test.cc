// Compares with what transformers and peft compute (tests/golden/worker/make_goldens.py).
#include <gtest/gtest.h>

#include <fstream>

#include "agents/worker/model/batch.h"
#include "agents/worker/model/llama.h"
#include "agents/worker/model/scoring.h"
#include "agents/worker/serve/sampler.h"
#include "agents/worker/train/optimizer.h"

namespace luthier::worker {
namespace {

const std::filesystem::path kFolder = LUTHIER_SOURCE_DIR "/tests/golden/worker";

template <class T>
T unwrap(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
  }
  return std::move(result).value();
}

class GoldenTest : public ::testing::Test {
 protected:
  GoldenTest() : tensors_(unwrap(load_all_tensors(kFolder / "expected.safetensors"))) {
    at::set_num_threads(1);
    std::ifstream(kFolder / "expected.json") >> expected_;
  }

  static Llama load(const char* name) { return unwrap(Llama::load(kFolder / name, at::kFloat, at::kCPU)); }

  [[nodiscard]] std::vector<TokenId> prompt(std::size_t index) const {
    return expected_["prompts"][index].get<std::vector<TokenId>>();
  }

  static at::Tensor logits(const Llama& model, const std::vector<TokenId>& ids) {
    const at::NoGradGuard no_grad;
    const at::Tensor tokens = at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong).unsqueeze(0);
    return model.logits(model.hidden_states(tokens)[0]);
  }

  static void expect_close(const at::Tensor& actual, const at::Tensor& wanted, const std::string& what) {
    ASSERT_EQ(actual.sizes(), wanted.sizes()) << what;
    EXPECT_LT((actual - wanted).abs().max().item<double>(), 1e-5) << what;
  }

  // The steps of make_goldens.py's train(); fills the model's weights.
  void train(Llama& model, const Json& wanted) {
    model.make_trainable();
    Adamw optimizer(
        model.has_adapter() ? model.adapter_weights() : model.weights(),
        {.beta1 = expected_["beta1"], .beta2 = expected_["beta2"], .weight_decay = expected_["weight_decay"]});
    for (std::size_t step = 0; step < expected_["batches"].size(); ++step) {
      std::vector<Example> examples;
      for (const Json& example : expected_["batches"][step]) {
        examples.push_back(example_trained_from(example[1].get<std::size_t>(), example[0].get<std::vector<TokenId>>()));
      }
      std::vector<const Example*> pointers;
      for (const Example& example : examples) {
        pointers.push_back(&example);
      }
      const TensorBatch batch = tensor_batch(pointers, at::kCPU);
      optimizer.zero_gradients();
      const LossSums sums = loss_sums(supervised_logits(model, batch, true), batch.targets);
      const at::Tensor loss = sums.loss / static_cast<double>(batch.targets.numel());
      loss.backward();
      EXPECT_NEAR(loss.item<double>(), wanted["losses"][step].get<double>(), 1e-5);
      EXPECT_NEAR(optimizer.clip_gradients(expected_["norm_max"]), wanted["norms"][step].get<double>(), 1e-4);
      optimizer.step(expected_["learning_rates"][step]);
    }
  }

  void expect_trained(const NamedTensors& weights, const std::string& prefix, std::size_t count) {
    std::size_t seen = 0;
    for (const auto& [name, wanted] : tensors_) {
      if (name.starts_with(prefix)) {
        const auto found = weights.find(name.substr(prefix.size()));
        ASSERT_NE(found, weights.end()) << name;
        expect_close(found->second.detach(), wanted, name);
        ++seen;
      }
    }
    EXPECT_EQ(seen, count);
  }

  NamedTensors tensors_;
  Json expected_;
};

TEST_F(GoldenTest, LlamaWithScaledRotaryEmbeddingAndGroupedQueriesGivesTheSameLogits) {
  const Llama model = load("llama");
  for (std::size_t i = 0; i < expected_["prompts"].size(); ++i) {
    expect_close(logits(model, prompt(i)), tensors_.at("llama.logits." + std::to_string(i)), std::to_string(i));
  }
}

TEST_F(GoldenTest, Qwen2WithBiasesAndUntiedEmbeddingsGivesTheSameLogits) {
  expect_close(logits(load("qwen2"), prompt(2)), tensors_.at("qwen2.logits.0"), "qwen2");
}

TEST_F(GoldenTest, AdapterOfPeftGivesTheSameLogitsAndCanBeTurnedOff) {
  Llama model = load("llama");
  ASSERT_TRUE(model.load_adapter(kFolder / "llama_adapter"));
  expect_close(logits(model, prompt(0)), tensors_.at("llama_adapter.logits.0"), "adapter");
  model.enable_adapter(false);
  expect_close(logits(model, prompt(0)), tensors_.at("llama.logits.0"), "base");
}

TEST_F(GoldenTest, LossIsOverTheTrainedTokensOfEveryTurnAndOverNoOthers) {
  const Llama model = load("llama");
  const at::NoGradGuard no_grad;
  const std::vector<TokenId> ids = prompt(2);
  ASSERT_GE(ids.size(), 8U);
  Example two_turns{ids, std::vector<bool>(ids.size(), false)};
  double wanted = 0;
  const at::Tensor log_probabilities = logits(model, ids).log_softmax(-1);
  for (const std::size_t at : {2U, 3U, 6U}) {
    two_turns.trained[at] = true;
    wanted -= log_probabilities[static_cast<std::int64_t>(at) - 1][ids[at]].item<double>();
  }
  two_turns.trained[0] = true;  // never asked for
  const Example one_turn = example_trained_from(1, {ids.begin(), ids.begin() + 3});
  const double alone = score_examples(model, {&one_turn}).examples[0].loss;

  EXPECT_EQ(two_turns.supervised_count(), 3);
  const TensorBatch batch = tensor_batch({&two_turns}, at::kCPU);
  EXPECT_NEAR(loss_sums(supervised_logits(model, batch, false), batch.targets).loss.item<double>(), wanted, 1e-4);
  const Score score = score_examples(model, {&one_turn, &two_turns});
  EXPECT_NEAR(score.loss, (wanted + alone) / 5, 1e-4);
  EXPECT_EQ(score.token_count, 5);

  two_turns.ids.back() = two_turns.ids.back() == 5 ? 6 : 5;  // not trained, and nothing is asked behind it
  EXPECT_NEAR(score_examples(model, {&two_turns}).examples[0].loss, wanted, 1e-4);
}

// Sums of loss and the gradients of all weights over some batches.
std::pair<double, NamedTensors> loss_and_gradients(Llama& model, const std::vector<TensorBatch>& batches) {
  for (auto& [name, weight] : model.has_adapter() ? model.adapter_weights() : model.weights()) {
    weight.mutable_grad() = at::Tensor();
  }
  double loss = 0;
  for (const TensorBatch& batch : batches) {
    const LossSums sums = loss_sums(supervised_logits(model, batch, true), batch.targets);
    loss += sums.loss.item<double>();
    sums.loss.backward();
  }
  NamedTensors gradients;
  for (const auto& [name, weight] : model.has_adapter() ? model.adapter_weights() : model.weights()) {
    gradients[name] = weight.grad().clone();
  }
  return {loss, gradients};
}

TEST_F(GoldenTest, ARowOfSeveralSamplesTeachesWhatTheyTeachByThemselves) {
  for (const bool adapter : {false, true}) {
    Llama model = load("llama");
    if (adapter) {
      ASSERT_TRUE(model.load_adapter(kFolder / "llama_adapter"));
      model.set_adapter_dropout(0);
    }
    model.make_trainable();
    std::vector<Example> samples;
    for (const std::size_t length : {9U, 2U, 5U, 14U, 3U}) {
      const std::vector<TokenId> ids = prompt(samples.size() % 3);
      ASSERT_GE(ids.size(), 2U);
      std::vector<TokenId> tokens;
      for (std::size_t i = 0; i < length; ++i) {
        tokens.push_back(ids[(i + samples.size()) % ids.size()]);
      }
      samples.push_back(example_trained_from(1 + length / 4, tokens));
    }
    samples[3].trained[7] = false;
    std::vector<const Example*> row;
    std::vector<TensorBatch> alone;
    for (const Example& sample : samples) {
      row.push_back(&sample);
      alone.push_back(tensor_batch({&sample}, at::kCPU));
    }
    const auto [packed_loss, packed] = loss_and_gradients(model, {packed_batch(row, at::kCPU)});
    const auto [wanted_loss, wanted] = loss_and_gradients(model, alone);
    EXPECT_NEAR(packed_loss, wanted_loss, 1e-5 * wanted_loss);
    EXPECT_GT(packed_loss, 1);
    for (const auto& [name, gradient] : wanted) {
      const double scale = std::max(1e-3, gradient.abs().max().item<double>());
      EXPECT_LT((packed.at(name) - gradient).abs().max().item<double>(), 1e-4 * scale) << name;
    }
    // Joined without borders, the same tokens teach something else.
    Example joined;
    for (const Example& sample : samples) {
      joined.ids.insert(joined.ids.end(), sample.ids.begin(), sample.ids.end());
      joined.trained.insert(joined.trained.end(), sample.trained.begin(), sample.trained.end());
      joined.trained[joined.trained.size() - sample.trained.size()] = false;
    }
    const double mixed = loss_and_gradients(model, {tensor_batch({&joined}, at::kCPU)}).first;
    EXPECT_GT(std::abs(mixed - wanted_loss), 1e-3 * wanted_loss);
  }
}

TEST_F(GoldenTest, ThreeStepsOnTheAdapterGiveTheSameLossesNormsAndWeights) {
  Llama model = load("llama");
  ASSERT_TRUE(model.load_adapter(kFolder / "llama_adapter"));
  train(model, expected_["adapter_training"]);
  expect_trained(model.adapter_weights(), "adapter_trained.", 16);
}

TEST_F(GoldenTest, ThreeStepsOnAllWeightsGiveTheSameLossesNormsAndWeights) {
  Llama model = load("llama");
  train(model, expected_["full_training"]);
  expect_trained(model.weights(), "full_trained.", 4);
}

TEST_F(GoldenTest, GreedyDecodingWithTheCacheGivesTheSameTokens) {
  const at::NoGradGuard no_grad;
  const Llama model = load("llama");
  KeyValueCache cache(model.config().num_hidden_layers);
  Sampler greedy({});
  std::vector<TokenId> next = prompt(0);
  std::vector<TokenId> generated;
  const auto wanted = expected_["greedy"].get<std::vector<TokenId>>();
  while (generated.size() < wanted.size()) {
    const at::Tensor tokens = at::tensor(std::vector<std::int64_t>(next.begin(), next.end()), at::kLong).unsqueeze(0);
    const at::Tensor hidden = model.hidden_states(tokens, cache);
    const at::Tensor row = model.logits(hidden.select(1, hidden.size(1) - 1)).contiguous();
    generated.push_back(
        static_cast<TokenId>(greedy.choose({row.const_data_ptr<float>(), static_cast<std::size_t>(row.numel())})));
    next = {generated.back()};
  }
  EXPECT_EQ(generated, wanted);
}

TEST_F(GoldenTest, TheCacheGrowsWithoutChangingTheAnswer) {
  const at::NoGradGuard no_grad;
  const Llama model = load("qwen2");
  std::vector<TokenId> ids;
  KeyValueCache cache(model.config().num_hidden_layers);
  at::Tensor hidden;
  for (TokenId i = 0; i < 160; ++i) {  // more than the cache holds at first
    ids.push_back((i * 7) % 288);
    hidden = model.hidden_states(at::full({1, 1}, ids.back(), at::kLong), cache);
  }
  const at::Tensor whole = logits(model, ids);
  expect_close(model.logits(hidden[0])[0], whole[159], "position 159");
}

TEST_F(GoldenTest, ScoresDoNotDependOnHowExamplesArePutTogether) {
  const Llama model = load("llama");
  std::vector<Example> examples;
  for (const Json& batch : expected_["batches"]) {
    for (const Json& example : batch) {
      examples.push_back(example_trained_from(example[1].get<std::size_t>(), example[0].get<std::vector<TokenId>>()));
    }
  }
  std::vector<const Example*> all;
  double loss_total = 0;
  for (const Example& example : examples) {
    all.push_back(&example);
    const Score alone = score_examples(model, {&example});
    loss_total += alone.loss * static_cast<double>(alone.token_count);
  }
  const Score together = score_examples(model, all);
  EXPECT_NEAR(together.loss * static_cast<double>(together.token_count), loss_total, 1e-4);
  EXPECT_EQ(together.example_count, std::ssize(examples));
  const std::vector<double> likelihoods = log_likelihoods(model, all);
  EXPECT_NEAR(-std::accumulate(likelihoods.begin(), likelihoods.end(), 0.0), loss_total, 1e-4);
}

TEST_F(GoldenTest, WeightsThatDoNotFitTheirConfigurationAreRefused) {
  auto config = unwrap(read_model_config(kFolder / "llama"));
  config.vocab_size = 289;
  auto weights = load_model_weights(kFolder / "llama", config, at::kFloat);
  ASSERT_FALSE(weights);
  EXPECT_NE(weights.error().message.find("model.embed_tokens.weight"), std::string::npos);
  auto other = load_model_weights(kFolder / "qwen2", unwrap(read_model_config(kFolder / "llama")), at::kFloat);
  EXPECT_FALSE(other);
  EXPECT_FALSE(load_model_weights(kFolder, unwrap(read_model_config(kFolder / "llama")), at::kFloat));
}

}  // namespace
}  // namespace luthier::worker
