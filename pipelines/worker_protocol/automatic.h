// What settings of a training become where the file says `auto` or nothing: decided by the worker from its data, and
// foretold by `luthier plan`. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace luthier::worker_protocol {

// About a hundredth of the examples, a power of two from 4 to 32.
[[nodiscard]] constexpr std::int64_t automatic_batch_size(std::int64_t example_count) {
  std::int64_t size = 4;
  while (size < 32 && size * 2 <= example_count / 100) {
    size *= 2;
  }
  return size;
}

// `n_epochs: auto`: 3, but more of few examples, so that about 100 are seen (at most 25 epochs), and fewer of many, so
// that about 25,000 are. Plain text is read once.
[[nodiscard]] constexpr std::int64_t automatic_epochs(bool plain_text, std::int64_t example_count) {
  constexpr std::int64_t kEpochs = 3;
  constexpr std::int64_t kEpochsMax = 25;
  constexpr std::int64_t kSeenMin = 100;
  constexpr std::int64_t kSeenMax = 25'000;
  const std::int64_t count = std::max<std::int64_t>(1, example_count);
  if (plain_text) {
    return 1;
  }
  if (count * kEpochs < kSeenMin) {
    return std::min(kEpochsMax, kSeenMin / count);
  }
  return count * kEpochs > kSeenMax ? std::max<std::int64_t>(1, kSeenMax / count) : kEpochs;
}

// Of a file that does not say `n_epochs`.
[[nodiscard]] constexpr std::int64_t default_epochs(bool plain_text) { return plain_text ? 1 : 3; }

}  // namespace luthier::worker_protocol
