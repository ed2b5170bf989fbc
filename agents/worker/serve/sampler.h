// Which token comes next, given the model's logits. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"

namespace luthier::worker {

struct SamplingOptions {
  double temperature = 0;  // 0: always the most likely token
  double top_p = 1;        // draws from the fewest tokens whose probabilities sum to at least this
  std::uint64_t seed = 0;
};

class Sampler {
 public:
  explicit Sampler(SamplingOptions options) : options_(options), random_(options.seed) {}

  // Index into `logits`, which must not be empty. Equal logits: the smaller index. Values that are not numbers
  // are never chosen while another is there.
  [[nodiscard]] std::int64_t choose(std::span<const float> logits);

 private:
  SamplingOptions options_;
  Random random_;
};

}  // namespace luthier::worker
