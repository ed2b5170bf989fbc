#include "pipelines/text/bpe.h"

#include <algorithm>
#include <limits>

#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

// Up to this number of symbols a scan over all neighbours beats a heap.
constexpr std::size_t kFewSymbols = 48;
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

std::uint64_t pair_key(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

std::size_t hash_of(std::uint64_t key) {
  key *= 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(key ^ (key >> 29));
}

}  // namespace

Bpe::Bpe(BpeSymbols symbols, const std::vector<Merge>& merges, std::unordered_map<std::string, TokenId> whole_words)
    : symbols_(std::move(symbols)), whole_words_(std::move(whole_words)) {
  ascii_ids_.fill(-1);
  for (const auto& [character, id] : symbols_.character_ids) {
    if (character < ascii_ids_.size()) {
      ascii_ids_[character] = id;
    }
  }
  std::size_t capacity = 16;
  while (capacity < merges.size() * 2 + 2) {
    capacity *= 2;
  }
  rules_.resize(capacity);
  for (const Merge& merge : merges) {
    const std::uint64_t key = pair_key(merge.left, merge.right);
    std::size_t slot = hash_of(key) & (capacity - 1);
    while (rules_[slot].pair != kNoPair && rules_[slot].pair != key) {
      slot = (slot + 1) & (capacity - 1);
    }
    rules_[slot] = {key, merge.rank, merge.merged};
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

void CharacterPairs::add(std::string_view text) {
  bits_.resize(kBits / 64);
  char32_t left = 0;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCharacter right = decode_character(text, i);
    if (i > 0) {
      const std::size_t bit = bit_of(left, right.code_point);
      bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
    left = right.code_point;
    i += right.length;
  }
}

TokenId Bpe::character_id(char32_t character) const {
  if (character < ascii_ids_.size()) {
    return ascii_ids_[character];
  }
  const auto found = symbols_.character_ids.find(character);
  return found == symbols_.character_ids.end() ? -1 : found->second;
}

// Whether the character stands for itself or for its bytes: unknown ones join their neighbours or vanish between them.
bool Bpe::has_symbols(char32_t character, std::string_view bytes) const {
  return character_id(character) >= 0 || std::all_of(bytes.begin(), bytes.end(), [&](char byte) {
           return symbols_.byte_ids[static_cast<unsigned char>(byte)] >= 0;
         });
}

std::size_t Bpe::word_end(std::string_view piece, std::size_t begin) const {
  if (!cuts_) {
    return piece.size();
  }
  DecodedCharacter left = decode_character(piece, begin);
  std::size_t end = begin + left.length;
  while (end < piece.size()) {
    const DecodedCharacter right = decode_character(piece, end);
    if (!joined_.contains(left.code_point, right.code_point) &&
        has_symbols(left.code_point, piece.substr(end - left.length, left.length)) &&
        has_symbols(right.code_point, piece.substr(end, right.length))) {
      return end;
    }
    left = right;
    end += right.length;
  }
  return end;
}

void Bpe::encode(std::string_view piece, Scratch& scratch, ModelOutput& output) const {
  if (!whole_words_.empty()) {
    const auto found = whole_words_.find(std::string(piece));
    if (found != whole_words_.end()) {
      output.add(found->second, static_cast<std::uint32_t>(piece.size()));
      return;
    }
  }
  scratch.symbols_.clear();
  add_symbols(piece, scratch);
  scratch.steps_ += scratch.symbols_.size();
  if (scratch.symbols_.size() <= kFewSymbols) {
    merge_few(scratch, output);
  } else {
    merge_many(scratch, output);
  }
}

void Bpe::add_symbols(std::string_view piece, Scratch& scratch) const {
  if (symbols_.characters) {
    add_characters(piece, scratch);
    return;
  }
  for (const char byte : piece) {
    scratch.symbols_.push_back({symbols_.byte_ids[static_cast<unsigned char>(byte)], 1});
  }
}

// The order of events, odd where bytes follow unknown characters, is that of Hugging Face's tokenizers.
void Bpe::add_characters(std::string_view piece, Scratch& scratch) const {
  std::uint32_t unknown_length = 0;  // of the unknown token that is not written yet
  const auto flush = [&] {
    if (unknown_length > 0) {
      scratch.symbols_.push_back({symbols_.unknown_id, unknown_length});
      unknown_length = 0;
    }
  };
  for (std::size_t i = 0; i < piece.size();) {
    const DecodedCharacter character = decode_character(piece, i);
    const auto length = static_cast<std::uint32_t>(character.length);
    const TokenId id = character_id(character.code_point);
    if (id >= 0) {
      flush();
      scratch.symbols_.push_back({id, length});
    } else if (!add_bytes(piece.substr(i, character.length), scratch) && symbols_.unknown_id >= 0) {
      if (!symbols_.fuse_unknown) {
        flush();
      }
      unknown_length += length;
    }
    i += character.length;
  }
  flush();
}

bool Bpe::add_bytes(std::string_view character, Scratch& scratch) const {
  for (const char byte : character) {
    if (symbols_.byte_ids[static_cast<unsigned char>(byte)] < 0) {
      return false;
    }
  }
  for (const char byte : character) {
    scratch.symbols_.push_back({symbols_.byte_ids[static_cast<unsigned char>(byte)], 1});
  }
  return true;
}

void Bpe::merge_few(Scratch& scratch, ModelOutput& output) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols_;
  std::array<const Rule*, kFewSymbols> rules{};  // rules[i]: of symbols[i] and symbols[i + 1]
  std::size_t count = symbols.size();
  const auto rule_at = [&](std::size_t i) { return i + 1 < count ? find(symbols[i].id, symbols[i + 1].id) : nullptr; };
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
    symbols[best] = {rules[best]->merged, symbols[best].length + symbols[best + 1].length};
    const auto at = static_cast<std::ptrdiff_t>(best);
    const auto end = static_cast<std::ptrdiff_t>(count);
    std::copy(symbols.begin() + at + 2, symbols.begin() + end, symbols.begin() + at + 1);
    std::copy(rules.begin() + at + 2, rules.begin() + end, rules.begin() + at + 1);
    --count;
    rules[best] = rule_at(best);
    if (best > 0) {
      rules[best - 1] = rule_at(best - 1);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    output.add(symbols[i].id, symbols[i].length);
  }
}

void Bpe::merge_many(Scratch& scratch, ModelOutput& output) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols_;
  std::vector<Scratch::Candidate>& heap = scratch.heap_;
  heap.clear();
  const auto size = static_cast<std::uint32_t>(symbols.size());
  for (std::uint32_t i = 0; i < size; ++i) {
    symbols[i].previous = i == 0 ? kNone : i - 1;
    symbols[i].next = i + 1 == size ? kNone : i + 1;
  }
  const auto offer = [&](std::uint32_t position) {
    if (position == kNone || symbols[position].next == kNone) {
      return false;
    }
    ++scratch.steps_;
    const Rule* rule = find(symbols[position].id, symbols[symbols[position].next].id);
    if (rule != nullptr) {
      heap.push_back({rule->rank, position, rule->pair, rule->merged});
    }
    return rule != nullptr;
  };
  const auto push = [&](std::uint32_t position) {
    if (offer(position)) {
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  for (std::uint32_t i = 0; i < size; ++i) {
    (void)offer(i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    ++scratch.steps_;
    Scratch::Symbol& left = symbols[best.position];
    if (left.id < 0 || left.next == kNone || pair_key(left.id, symbols[left.next].id) != best.pair) {
      continue;  // a neighbour was merged since
    }
    Scratch::Symbol& right = symbols[left.next];
    left.id = best.merged;
    left.length += right.length;
    left.next = right.next;
    right.id = -1;
    if (left.next != kNone) {
      symbols[left.next].previous = best.position;
    }
    push(best.position);
    push(left.previous);
  }
  for (const Scratch::Symbol& symbol : symbols) {
    if (symbol.id >= 0) {
      output.add(symbol.id, symbol.length);
    }
  }
}

}  // namespace luthier::text
