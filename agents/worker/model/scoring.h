// How well a model predicts the supervised tokens of examples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "agents/worker/formats/dataset.h"
#include "agents/worker/model/llama.h"

namespace luthier::worker {

// What one example contributes.
struct ExampleScore {
  double loss = 0;                 // summed over its supervised tokens
  std::int64_t token_count = 0;    // 0: the scoring was stopped before it
  std::int64_t correct_count = 0;  // of these tokens
};

struct Score {
  double loss = 0;               // mean over supervised tokens, natural logarithm
  double token_accuracy = 0;     // share of supervised tokens that the model would have chosen
  double sequence_accuracy = 0;  // share of examples of which every supervised token would have been chosen:
                                 // exactly those that greedy decoding reproduces
  std::int64_t token_count = 0;
  std::int64_t example_count = 0;
  std::vector<ExampleScore> examples;  // in the order given
};

// Padded positions that fit one forward pass. Depends on the model alone, so that the same work is cut the same
// way wherever it is done.
[[nodiscard]] std::int64_t tokens_per_pass_max(const ModelConfig& config);

// Called after each pass with the examples done so far; false stops the scoring early.
using ScoreProgress = std::function<bool(std::size_t done)>;

[[nodiscard]] Score score_examples(const Llama& model, const std::vector<const Example*>& examples,
                                   const ScoreProgress& progress = {});

// The sum of the log-probabilities of each example's supervised tokens, in the order given.
[[nodiscard]] std::vector<double> log_likelihoods(const Llama& model, const std::vector<const Example*>& examples,
                                                  const ScoreProgress& progress = {});

}  // namespace luthier::worker
