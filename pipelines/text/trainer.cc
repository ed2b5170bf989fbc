#include "pipelines/text/trainer.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/pretokenizer.h"
#include "pipelines/text/token_id.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kVocabularyMax = 1'000'000;
// Longer pieces (a page of dashes) are counted in parts of this size, so that no merge has to walk megabytes.
constexpr std::size_t kWordBytesMax = 256;
constexpr std::int64_t kCountMin = 2;  // a pair seen once teaches nothing

// Token numbers within training: 0 to 255 are the bytes, then one for each merge.
using Pair = std::pair<TokenId, TokenId>;

struct PairHash {
  std::size_t operator()(const Pair& pair) const {
    const std::uint64_t key =
        std::uint64_t{static_cast<std::uint32_t>(pair.first)} << 32 | static_cast<std::uint32_t>(pair.second);
    return static_cast<std::size_t>(key * 0x9e3779b97f4a7c15ULL ^ key >> 31);
  }
};

struct Word {
  std::vector<TokenId> parts;
  std::int64_t count = 0;
};

struct PairState {
  std::int64_t count = 0;
  std::unordered_set<std::size_t> words;  // those that hold the pair, or held it once
};

class Trainer {
 public:
  // `reserved`: byte strings that no merge may make, because they name special tokens.
  Trainer(const std::map<std::string, std::int64_t>& word_counts, std::set<std::string> reserved)
      : reserved_(std::move(reserved)) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      (void)token_of(std::string(1, static_cast<char>(static_cast<unsigned char>(byte))));
    }
    for (const auto& [text, count] : word_counts) {
      Word word;
      word.count = count;
      for (const char c : text) {
        word.parts.push_back(static_cast<unsigned char>(c));
      }
      words_.push_back(std::move(word));
      count_pairs(words_.size() - 1, 1);
    }
    for (const auto& [pair, state] : pairs_) {
      queue_.push(candidate(pair, state.count));
    }
    changed_.clear();
  }

  // The next merge, as token numbers; false when none is left.
  bool step(Pair& merged) {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const std::int64_t count = pairs_[best.pair].count;
      if (count != best.count) {
        continue;  // a newer candidate of this pair is in the queue
      }
      if (count < kCountMin) {
        return false;
      }
      if (reserved_.contains(best.left + best.right)) {
        continue;
      }
      merge(best.pair);
      merged = best.pair;
      return true;
    }
    return false;
  }

  [[nodiscard]] const std::string& bytes(TokenId token) const { return bytes_[static_cast<std::size_t>(token)]; }

 private:
  struct Candidate {
    std::int64_t count = 0;
    Pair pair;
    std::string left;
    std::string right;
    bool operator<(const Candidate& other) const {  // the queue's top is the greatest
      if (count != other.count) {
        return count < other.count;
      }
      return std::tie(left, right) > std::tie(other.left, other.right);
    }
  };

  [[nodiscard]] Candidate candidate(const Pair& pair, std::int64_t count) const {
    return {count, pair, bytes(pair.first), bytes(pair.second)};
  }

  // Two ways to the same bytes lead to the same token.
  TokenId token_of(const std::string& text) {
    const auto [found, inserted] = tokens_.emplace(text, static_cast<TokenId>(bytes_.size()));
    if (inserted) {
      bytes_.push_back(text);
    }
    return found->second;
  }

  // Adds (sign 1) or takes away (-1) the pairs of a word.
  void count_pairs(std::size_t index, int sign) {
    const Word& word = words_[index];
    for (std::size_t i = 0; i + 1 < word.parts.size(); ++i) {
      const Pair pair{word.parts[i], word.parts[i + 1]};
      PairState& state = pairs_[pair];
      state.count += sign * word.count;
      if (sign > 0) {
        state.words.insert(index);
      }
      changed_[pair] += sign * word.count;
    }
  }

  void merge(const Pair& pair) {
    const TokenId merged = token_of(bytes(pair.first) + bytes(pair.second));
    const std::unordered_set<std::size_t> holders = std::move(pairs_[pair].words);
    pairs_[pair].words.clear();
    for (const std::size_t index : holders) {
      count_pairs(index, -1);
      std::vector<TokenId>& parts = words_[index].parts;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < parts.size(); ++kept) {
        const bool here = i + 1 < parts.size() && parts[i] == pair.first && parts[i + 1] == pair.second;
        parts[kept] = here ? merged : parts[i];
        i += here ? 2 : 1;
      }
      parts.resize(kept);
      count_pairs(index, 1);
    }
    for (const auto& [touched, difference] : changed_) {
      const std::int64_t count = pairs_[touched].count;
      if (count == 0) {
        pairs_.erase(touched);
      } else if (difference != 0) {
        queue_.push(candidate(touched, count));
      }
    }
    changed_.clear();
  }

  const std::set<std::string> reserved_;
  std::vector<std::string> bytes_;  // of each token number
  std::unordered_map<std::string, TokenId> tokens_;
  std::vector<Word> words_;
  std::unordered_map<Pair, PairState, PairHash> pairs_;
  std::map<Pair, std::int64_t> changed_;  // how the counts moved during the present merge
  std::priority_queue<Candidate> queue_;
};

Result<void> check_size(std::size_t vocab_size, const std::vector<std::string>& special_tokens) {
  const std::size_t least = 256 + special_tokens.size();
  if (vocab_size < least || vocab_size > kVocabularyMax) {
    return Error{ErrorCode::kInvalidArgument, "vocab_size " + std::to_string(vocab_size) + " must be from " +
                                                  std::to_string(least) + " (256 bytes and the special tokens) to " +
                                                  std::to_string(kVocabularyMax)};
  }
  return {};
}

Result<void> check_special_tokens(const std::vector<std::string>& special_tokens) {
  std::set<std::string> seen(byte_level_alphabet().begin(), byte_level_alphabet().end());
  for (const std::string& token : special_tokens) {
    if (token.empty() || find_invalid_utf8(token) || !seen.insert(token).second) {
      return Error{ErrorCode::kInvalidArgument,
                   "special tokens must be different, not empty, UTF-8, and longer than one byte"};
    }
  }
  return {};
}

OrderedJson added_token(std::size_t id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

OrderedJson tokenizer_json(const std::vector<std::string>& vocabulary, const OrderedJson& added,
                           const OrderedJson& merges) {
  OrderedJson vocab = OrderedJson::object();
  auto& members = vocab.get_ref<OrderedJson::object_t&>();
  members.reserve(vocabulary.size());
  for (const std::string& token : vocabulary) {
    // The vector's own function: ordered_map's would search for the key, which is new.
    members.Container::emplace_back(token, members.size());
  }
  const OrderedJson byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", merges}}}};
}

}  // namespace

struct WordCounts::State {
  State(std::vector<std::string> special_tokens, PreTokenizer steps)
      : special(std::move(special_tokens)), pretokenizer(std::move(steps)), splitter(pretokenizer) {}
  std::vector<std::string> special;
  PreTokenizer pretokenizer;
  Splitter splitter;
  std::unordered_map<std::string, std::int64_t> counts;
  std::vector<TextRange> pieces;
  std::size_t texts = 0;
};

WordCounts::WordCounts(std::unique_ptr<State> state) : state_(std::move(state)) {}
WordCounts::WordCounts(WordCounts&&) noexcept = default;
WordCounts& WordCounts::operator=(WordCounts&&) noexcept = default;
WordCounts::~WordCounts() = default;

Result<WordCounts> WordCounts::make(std::vector<std::string> special_tokens) {
  LUTHIER_TRY_VOID(check_special_tokens(special_tokens));
  LUTHIER_TRY(SplitStep split, make_split(kGpt2Pattern));
  PreTokenizer pretokenizer;
  pretokenizer.steps.emplace_back(std::move(split));
  return WordCounts(std::make_unique<State>(std::move(special_tokens), std::move(pretokenizer)));
}

Result<void> WordCounts::add(std::string_view text) {
  ++state_->texts;
  if (const auto invalid = find_invalid_utf8(text)) {
    return Error{ErrorCode::kInvalidArgument,
                 "text " + std::to_string(state_->texts) + " is not UTF-8 at byte " + std::to_string(*invalid)};
  }
  AlignedText aligned(text, 0, false);
  LUTHIER_TRY_VOID(state_->splitter.split(aligned, true, state_->pieces));
  for (const TextRange range : state_->pieces) {
    std::string_view piece = text.substr(range.begin, range.size());
    for (; piece.size() > kWordBytesMax; piece.remove_prefix(kWordBytesMax)) {
      ++state_->counts[std::string(piece.substr(0, kWordBytesMax))];
    }
    ++state_->counts[std::string(piece)];
  }
  return {};
}

Result<std::string> train_byte_level_bpe(const std::vector<std::string_view>& texts, std::size_t vocab_size,
                                         const std::vector<std::string>& special_tokens) {
  LUTHIER_TRY_VOID(check_size(vocab_size, special_tokens));
  LUTHIER_TRY(WordCounts words, WordCounts::make(special_tokens));
  for (const std::string_view text : texts) {
    LUTHIER_TRY_VOID(words.add(text));
  }
  return train_byte_level_bpe(words, vocab_size);
}

Result<std::string> train_byte_level_bpe(const WordCounts& words, std::size_t vocab_size) {
  const std::vector<std::string>& special_tokens = words.state_->special;
  LUTHIER_TRY_VOID(check_size(vocab_size, special_tokens));
  std::map<std::string, std::int64_t> word_counts(words.state_->counts.begin(), words.state_->counts.end());
  for (const std::string& token : special_tokens) {
    word_counts.erase(token);
  }
  std::vector<std::string> vocabulary(special_tokens);  // by id
  OrderedJson added = OrderedJson::array();
  for (std::size_t id = 0; id < special_tokens.size(); ++id) {
    added.push_back(added_token(id, special_tokens[id]));
  }
  vocabulary.insert(vocabulary.end(), byte_level_alphabet().begin(), byte_level_alphabet().end());
  // By code point, as Hugging Face's trainer does.
  std::sort(vocabulary.begin() + static_cast<std::ptrdiff_t>(special_tokens.size()), vocabulary.end());
  std::set<std::string> reserved;
  for (const std::string& token : special_tokens) {
    reserved.insert(token);
    reserved.insert(from_byte_level(token).value_or(token));
  }
  OrderedJson merges = OrderedJson::array();
  std::set<std::string> taken;
  std::set<Pair> written;
  Trainer trainer(word_counts, std::move(reserved));
  Pair pair;
  while (vocabulary.size() < vocab_size && trainer.step(pair)) {
    const std::string left = to_byte_level(trainer.bytes(pair.first));
    const std::string right = to_byte_level(trainer.bytes(pair.second));
    if (written.insert(pair).second) {
      merges.push_back(OrderedJson::array({left, right}));
    }
    if (taken.insert(left + right).second) {
      vocabulary.push_back(left + right);
    }
  }
  return tokenizer_json(vocabulary, added, merges).dump(1) + "\n";
}

std::string tokenizer_config_json(std::string_view end_of_text) {
  const OrderedJson json = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                            {"bos_token", end_of_text},
                            {"eos_token", end_of_text},
                            {"pad_token", end_of_text},
                            {"add_prefix_space", false},
                            {"clean_up_tokenization_spaces", false}};
  return json.dump(2) + "\n";
}

}  // namespace luthier::text
