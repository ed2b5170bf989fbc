#include "agents/worker/formats/example.h"

#include <utility>

namespace luthier::worker {

Example example_trained_from(std::size_t first, std::vector<TokenId> ids) {
  std::vector<bool> trained(ids.size(), true);
  std::fill_n(trained.begin(), std::min(first, ids.size()), false);
  return {std::move(ids), std::move(trained)};
}

std::uint64_t fingerprint(const std::vector<Example>& examples) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&](std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      hash = (hash ^ ((value >> (8 * byte)) & 0xff)) * 0x100000001b3ULL;
    }
  };
  for (const Example& example : examples) {
    mix(example.ids.size());
    for (std::size_t at = 1; at < example.ids.size(); ++at) {
      if (example.trained[at] != (at > 1 && example.trained[at - 1])) {
        mix(at);
      }
    }
    for (const TokenId id : example.ids) {
      mix(static_cast<std::uint64_t>(id));
    }
  }
  return hash;
}

}  // namespace luthier::worker
