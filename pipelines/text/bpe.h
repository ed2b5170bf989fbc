// Bpe: merges the bytes of one piece of text into tokens (byte-pair encoding), lowest rank first, leftmost first
// among equals. Immutable; shared by threads. Time is O(n log n) in the piece's length, whatever its content.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipelines/text/token_id.h"

namespace luthier::text {

struct Merge {
  TokenId left = 0;
  TokenId right = 0;
  TokenId merged = 0;
};

class Bpe {
 public:
  Bpe() = default;
  // `byte_ids`: the token of each single byte. `merges`: in order of rank; of equal pairs the last one counts.
  // `whole_words`: pieces that are one token without any merging, by their bytes (ignore_merges); empty: none.
  Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<Merge>& merges,
      std::unordered_map<std::string, TokenId> whole_words);

  // Appends the tokens of `piece`.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  struct Rule {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = 0;
    TokenId merged = 0;
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};

  // nullptr when the two do not merge.
  [[nodiscard]] const Rule* find(TokenId left, TokenId right) const;
  void encode_short(std::string_view piece, std::vector<TokenId>& ids) const;
  void encode_long(std::string_view piece, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> byte_ids_{};
  std::vector<Rule> rules_;  // open addressing; the size is a power of two, at most half full
  std::unordered_map<std::string, TokenId> whole_words_;
};

}  // namespace luthier::text
