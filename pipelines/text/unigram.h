// Unigram: cuts one piece of text into the tokens whose scores (logarithms of probabilities) sum up highest. Immutable;
// shared by threads, each with a Scratch of its own. Work is the piece's length times that of the longest token.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipelines/text/bpe.h"
#include "pipelines/text/token_id.h"

namespace luthier::text {

class Unigram {
 public:
  struct Entry {
    std::string text;
    double score = 0;
  };
  class Scratch;

  Unigram() = default;
  // `vocabulary` by id; of equal texts the last counts. `unknown_id`: -1: there is none. `byte_ids`: of the byte
  // fallback, -1 where there is none.
  Unigram(const std::vector<Entry>& vocabulary, TokenId unknown_id, const std::array<TokenId, 256>& byte_ids);

  // Appends the tokens of `piece`, which is well-formed UTF-8. Without an unknown token, characters that the vocabulary
  // lacks give nothing.
  void encode(std::string_view piece, Scratch& scratch, ModelOutput& output) const;

 private:
  [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const;
  void insert(std::string_view text, TokenId id);
  void find_best_path(std::string_view piece, Scratch& scratch) const;
  void add_part(std::string_view part, bool unknown, TokenId id, ModelOutput& output) const;

  // A trie over bytes: edges_ maps node and byte to the next node, ids_ holds the token that ends at a node, or -1.
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  std::vector<TokenId> ids_{-1};
  std::vector<double> scores_;
  std::unordered_map<std::string, TokenId> texts_;
  TokenId unknown_id_ = -1;
  double unknown_score_ = 0;
  std::array<TokenId, 256> byte_ids_{};
};

class Unigram::Scratch {
 public:
  // Steps in the trie since the beginning.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  friend class Unigram;
  struct Ending {
    double score = 0;  // of the best path that ends here
    std::uint32_t begin = kNone;
    TokenId id = -1;  // the path's last token; -1: an unknown character
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::vector<Ending> endings_;            // by offset
  std::vector<std::uint32_t> boundaries_;  // of the best path, last first
  std::uint64_t steps_ = 0;
};

}  // namespace luthier::text
