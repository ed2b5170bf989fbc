// Bpe: merges the symbols of one piece of text into tokens (byte-pair encoding), lowest rank first, leftmost first
// among equals. A symbol is a byte, or a character that falls back to its bytes or to the unknown token. Immutable;
// shared by threads, each with a Scratch of its own. Work is linear in the piece's length, but for a heap's logarithm.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
  std::uint32_t rank = 0;
};

// What a piece is made of before anything is merged; -1: there is no such token.
struct BpeSymbols {
  bool characters = false;              // false: bytes
  std::array<TokenId, 256> byte_ids{};  // for characters: of the byte fallback
  std::unordered_map<char32_t, TokenId> character_ids;
  TokenId unknown_id = -1;
  bool fuse_unknown = false;  // neighbouring unknown characters are one token
};

// Pairs of neighbouring characters, as a bitmap of their hashes: it may say yes by mistake, never no.
class CharacterPairs {
 public:
  CharacterPairs() = default;
  // Adds all pairs of `text`, which is well-formed UTF-8.
  void add(std::string_view text);
  [[nodiscard]] bool contains(char32_t left, char32_t right) const {
    const std::size_t bit = bit_of(left, right);
    return !bits_.empty() && (bits_[bit / 64] >> (bit % 64) & 1) != 0;
  }

 private:
  static constexpr std::size_t kBits = std::size_t{1} << 20;
  static std::size_t bit_of(char32_t left, char32_t right) {
    const std::uint64_t key = (std::uint64_t{left} << 32 | right) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(key >> 44);
  }
  std::vector<std::uint64_t> bits_;
};

// Tokens in order, each with the number of bytes of the piece that it stands for; 0: of those of the next that is not
// 0.
struct ModelOutput {
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> lengths;
  void clear() {
    ids.clear();
    lengths.clear();
  }
  void add(TokenId id, std::uint32_t length) {
    ids.push_back(id);
    lengths.push_back(length);
  }
};

class Bpe {
 public:
  class Scratch;

  Bpe() = default;
  // Of equal pairs in `merges` the last one counts. `whole_words`: pieces that are one token without any merging
  // (ignore_merges); empty: none.
  Bpe(BpeSymbols symbols, const std::vector<Merge>& merges, std::unordered_map<std::string, TokenId> whole_words);

  // Lets word_end() cut pieces: `joined` are the pairs inside all tokens that merges make.
  void allow_cuts(CharacterPairs joined) {
    joined_ = std::move(joined);
    cuts_ = true;
  }
  // Where a part of `piece` ends whose tokens do not hang on what follows: the first place behind `begin` over which no
  // merge can reach. piece.size() where pieces are not cut.
  [[nodiscard]] std::size_t word_end(std::string_view piece, std::size_t begin) const;

  // Appends the tokens of `piece`.
  void encode(std::string_view piece, Scratch& scratch, ModelOutput& output) const;

 private:
  struct Rule {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = 0;
    TokenId merged = 0;
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};

  // nullptr when the two do not merge.
  [[nodiscard]] const Rule* find(TokenId left, TokenId right) const;
  void add_symbols(std::string_view piece, Scratch& scratch) const;
  void add_characters(std::string_view piece, Scratch& scratch) const;
  [[nodiscard]] bool add_bytes(std::string_view character, Scratch& scratch) const;
  // The token of a character; -1: there is none.
  [[nodiscard]] TokenId character_id(char32_t character) const;
  [[nodiscard]] bool has_symbols(char32_t character, std::string_view bytes) const;
  void merge_few(Scratch& scratch, ModelOutput& output) const;
  void merge_many(Scratch& scratch, ModelOutput& output) const;

  BpeSymbols symbols_;
  std::vector<Rule> rules_;  // open addressing; the size is a power of two, at most half full
  std::unordered_map<std::string, TokenId> whole_words_;
  std::array<TokenId, 128> ascii_ids_{};  // of symbols_.character_ids
  CharacterPairs joined_;
  bool cuts_ = false;
};

// Working memory of encode(), kept between calls.
class Bpe::Scratch {
 public:
  // Symbols read, rules looked up and queue entries taken since the beginning: what encode() has done.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  friend class Bpe;
  struct Symbol {
    TokenId id = -1;  // -1: swallowed by its left neighbour
    std::uint32_t length = 0;
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
  };
  struct Candidate {
    std::uint32_t rank = 0;
    std::uint32_t position = 0;
    std::uint64_t pair = 0;
    TokenId merged = 0;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
  std::uint64_t steps_ = 0;
};

}  // namespace luthier::text
