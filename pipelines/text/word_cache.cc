#include "pipelines/text/word_cache.h"

#include <algorithm>

namespace luthier::text {

void WordCache::put(std::string_view word, std::span<const TokenId> ids) {
  if (++puts_ > slots_.size() && slots_.size() < kSlotsMax) {
    slots_.assign(slots_.size() * 4, {});  // what it held is soon there again
    slots_.resize(std::min(slots_.size(), kSlotsMax));
    puts_ = 0;
  }
  const std::size_t home = hash_of(word) & (slots_.size() - 1);
  if (slots_[home].size > 0) {
    slots_[home ^ 1] = slots_[home];  // the newest two of a pair stay
  }
  Slot& slot = slots_[home];
  std::copy(ids.begin(), ids.end(), slot.ids.begin());
  std::copy(word.begin(), word.end(), slot.word.begin());
  slot.size = static_cast<std::uint8_t>(word.size());
  slot.count = static_cast<std::uint8_t>(ids.size());
}

}  // namespace luthier::text
