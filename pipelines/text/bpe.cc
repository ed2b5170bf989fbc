#include "pipelines/text/bpe.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <queue>

namespace luthier::text {
namespace {

// Up to this length a scan over all neighbours beats a heap.
constexpr std::size_t kShortPieceBytes = 48;
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();

std::uint64_t pair_key(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

std::size_t hash_of(std::uint64_t key) {
  key *= 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(key ^ (key >> 29));
}

}  // namespace

Bpe::Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<Merge>& merges,
         std::unordered_map<std::string, TokenId> whole_words)
    : byte_ids_(byte_ids), whole_words_(std::move(whole_words)) {
  std::size_t capacity = 16;
  while (capacity < merges.size() * 2 + 2) {
    capacity *= 2;
  }
  rules_.resize(capacity);
  std::uint32_t rank = 0;
  for (const Merge& merge : merges) {
    const std::uint64_t key = pair_key(merge.left, merge.right);
    std::size_t slot = hash_of(key) & (capacity - 1);
    while (rules_[slot].pair != kNoPair && rules_[slot].pair != key) {
      slot = (slot + 1) & (capacity - 1);
    }
    rules_[slot] = {key, rank++, merge.merged};
  }
}

const Bpe::Rule* Bpe::find(TokenId left, TokenId right) const {
  const std::uint64_t key = pair_key(left, right);
  std::size_t slot = hash_of(key) & (rules_.size() - 1);
  while (rules_[slot].pair != kNoPair) {
    if (rules_[slot].pair == key) {
      return &rules_[slot];
    }
    slot = (slot + 1) & (rules_.size() - 1);
  }
  return nullptr;
}

void Bpe::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (!whole_words_.empty()) {
    const auto found = whole_words_.find(std::string(piece));
    if (found != whole_words_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  if (piece.size() <= kShortPieceBytes) {
    encode_short(piece, ids);
  } else {
    encode_long(piece, ids);
  }
}

void Bpe::encode_short(std::string_view piece, std::vector<TokenId>& ids) const {
  std::array<TokenId, kShortPieceBytes> parts{};
  std::array<const Rule*, kShortPieceBytes> rules{};  // rules[i]: of parts[i] and parts[i + 1]
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) {
    parts[i] = byte_ids_[static_cast<unsigned char>(piece[i])];
  }
  const auto rule_at = [&](std::size_t i) { return i + 1 < count ? find(parts[i], parts[i + 1]) : nullptr; };
  for (std::size_t i = 0; i < count; ++i) {
    rules[i] = rule_at(i);
  }
  while (true) {
    std::size_t best = count;
    std::uint32_t best_rank = kNoRank;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      if (rules[i] != nullptr && rules[i]->rank < best_rank) {
        best = i;
        best_rank = rules[i]->rank;
      }
    }
    if (best == count) {
      break;
    }
    parts[best] = rules[best]->merged;
    const auto at = static_cast<std::ptrdiff_t>(best);
    const auto end = static_cast<std::ptrdiff_t>(count);
    std::copy(parts.begin() + at + 2, parts.begin() + end, parts.begin() + at + 1);
    std::copy(rules.begin() + at + 2, rules.begin() + end, rules.begin() + at + 1);
    --count;
    rules[best] = rule_at(best);
    if (best > 0) {
      rules[best - 1] = rule_at(best - 1);
    }
  }
  ids.insert(ids.end(), parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
}

void Bpe::encode_long(std::string_view piece, std::vector<TokenId>& ids) const {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  struct Part {
    TokenId id = -1;  // -1: swallowed by its left neighbour
    std::size_t previous = 0;
    std::size_t next = 0;
  };
  struct Candidate {
    std::uint32_t rank = 0;
    std::size_t position = 0;
    std::uint64_t pair = 0;
    TokenId merged = 0;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  std::vector<Part> parts(piece.size());
  for (std::size_t i = 0; i < piece.size(); ++i) {
    parts[i] = {byte_ids_[static_cast<unsigned char>(piece[i])], i == 0 ? kNone : i - 1,
                i + 1 == piece.size() ? kNone : i + 1};
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t position) {
    if (position == kNone || parts[position].next == kNone) {
      return;
    }
    if (const Rule* rule = find(parts[position].id, parts[parts[position].next].id)) {
      queue.push({rule->rank, position, rule->pair, rule->merged});
    }
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    offer(i);
  }
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Part& part = parts[best.position];
    const bool current = part.id >= 0 && part.next != kNone && pair_key(part.id, parts[part.next].id) == best.pair;
    if (!current) {
      continue;  // a neighbour was merged since
    }
    Part& right = parts[part.next];
    part.id = best.merged;
    part.next = right.next;
    right.id = -1;
    if (part.next != kNone) {
      parts[part.next].previous = best.position;
    }
    offer(best.position);
    offer(part.previous);
  }
  for (const Part& part : parts) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    }
  }
}

}  // namespace luthier::text
