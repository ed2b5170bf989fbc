// Trains a byte-level BPE tokenizer on text, for models that start from nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::text {

inline constexpr std::string_view kEndOfText = "<|endoftext|>";

// The words of texts that come one by one, counted. Memory grows with the different words.
class WordCounts {
 public:
  // kInvalidArgument when a special token is empty or repeated.
  [[nodiscard]] static Result<WordCounts> make(std::vector<std::string> special_tokens);
  WordCounts(WordCounts&&) noexcept;
  WordCounts& operator=(WordCounts&&) noexcept;
  ~WordCounts();
  // kInvalidArgument when the text is not UTF-8.
  [[nodiscard]] Result<void> add(std::string_view text);

 private:
  friend Result<std::string> train_byte_level_bpe(const WordCounts& words, std::size_t vocab_size);
  struct State;
  explicit WordCounts(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A tokenizer.json of at most `vocab_size` tokens: the special tokens (ids from 0, in order), the 256 bytes, then
// merges, most frequent pair first; of equally frequent pairs the one with the smaller bytes (left part first).
// Pieces are GPT-2's. Fewer tokens come out when no pair occurs twice any more. The result depends on the
// arguments alone. kInvalidArgument when `vocab_size` is less than 256 + special tokens or more than a million,
// when a special token is empty or repeated, or when a text is not UTF-8.
[[nodiscard]] Result<std::string> train_byte_level_bpe(const std::vector<std::string_view>& texts,
                                                       std::size_t vocab_size,
                                                       const std::vector<std::string>& special_tokens);
[[nodiscard]] Result<std::string> train_byte_level_bpe(const WordCounts& words, std::size_t vocab_size);

// The tokenizer_config.json that goes with it: `end_of_text` is bos, eos and pad.
[[nodiscard]] std::string tokenizer_config_json(std::string_view end_of_text);

}  // namespace luthier::text
