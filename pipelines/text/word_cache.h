// WordCache: the tokens of short words met lately. Not thread-safe. Memory is at most 2 MiB.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "pipelines/text/token_id.h"

namespace luthier::text {

class WordCache {
 public:
  static constexpr std::size_t kWordBytesMax = 28;
  static constexpr std::size_t kTokensMax = 8;

  WordCache() : slots_(kSlotsFirst) {}

  // Empty when the word is not there. `word` is not empty and has at most kWordBytesMax bytes.
  [[nodiscard]] std::span<const TokenId> find(std::string_view word) const {
    const std::size_t home = hash_of(word) & (slots_.size() - 1);
    for (const std::size_t slot : {home, home ^ 1}) {
      const Slot& entry = slots_[slot];
      if (entry.size == word.size() && std::memcmp(entry.word.data(), word.data(), word.size()) == 0) {
        return {entry.ids.data(), entry.count};
      }
    }
    return {};
  }
  // Puts 1 to kTokensMax tokens in the place of some other word.
  void put(std::string_view word, std::span<const TokenId> ids);

 private:
  // One cache line.
  struct alignas(64) Slot {
    std::array<TokenId, kTokensMax> ids{};
    std::array<char, kWordBytesMax> word{};
    std::uint8_t size = 0;  // 0: empty
    std::uint8_t count = 0;
  };
  static constexpr std::size_t kSlotsFirst = 256;
  static constexpr std::size_t kSlotsMax = 32'768;

  static std::size_t hash_of(std::string_view word);

  std::vector<Slot> slots_;
  std::size_t puts_ = 0;  // since the last growth
};

// Reads the word as overlapping numbers, so that short ones cost no loop.
inline std::size_t WordCache::hash_of(std::string_view word) {
  const auto load = [](const char* from, auto value) {
    std::memcpy(&value, from, sizeof value);
    return std::uint64_t{value};
  };
  const char* begin = word.data();
  const std::size_t size = word.size();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (size >= 8) {
    a = load(begin, std::uint64_t{});
    b = load(begin + size - 8, std::uint64_t{});
    for (std::size_t i = 8; i + 8 < size; i += 8) {
      a = (a ^ load(begin + i, std::uint64_t{})) * 0x9e3779b97f4a7c15ULL;
    }
  } else if (size >= 4) {
    a = load(begin, std::uint32_t{});
    b = load(begin + size - 4, std::uint32_t{});
  } else {
    a = load(begin, std::uint8_t{}) << 8 | load(begin + size / 2, std::uint8_t{});
    b = load(begin + size - 1, std::uint8_t{});
  }
  std::uint64_t mixed = (a ^ size * 0x2545f4914f6cdd1dULL) * 0x9e3779b97f4a7c15ULL;
  mixed = (mixed ^ (mixed >> 32) ^ b) * 0xd6e8feb86659fd93ULL;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

}  // namespace luthier::text
