// Example: one sequence of a training, and which of its tokens are learned.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipelines/text/tokenizer.h"

namespace luthier::worker {

using text::TokenId;

// One sequence. The model reads ids[0, n-1) and is asked for those ids[i] of ids[1, n) whose trained[i] is true.
struct Example {
  std::vector<TokenId> ids;   // at least two
  std::vector<bool> trained;  // one flag an id; the first is never read: nothing stands before it

  [[nodiscard]] std::int64_t input_length() const { return static_cast<std::int64_t>(ids.size()) - 1; }
  [[nodiscard]] std::int64_t supervised_count() const {
    return ids.size() < 2 ? 0 : std::count(trained.begin() + 1, trained.end(), true);
  }
};

// `ids` of which all from `first` on are asked for.
[[nodiscard]] Example example_trained_from(std::size_t first, std::vector<TokenId> ids);

// A number that differs when the examples differ (FNV-1a over all ids and over where what is trained begins and ends):
// guards resumption, not secrets.
[[nodiscard]] std::uint64_t fingerprint(const std::vector<Example>& examples);

}  // namespace luthier::worker
