// AddedTokens: finds the tokens of a tokenizer's `added_tokens` list in text: leftmost first, longest among those
// that begin at one place. Immutable after the last add().
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "pipelines/text/aligned_text.h"
#include "pipelines/text/token_id.h"

namespace luthier::text {

struct AddedToken {
  TokenId id = 0;
  bool special = false;
  bool single_word = false;  // only where no word character stands beside it
  bool left_strip = false;   // takes the white space before it
  bool right_strip = false;  // takes the white space after it
};

class AddedTokens {
 public:
  struct Found {
    TextRange range;  // with the white space that it takes
    TokenId id = 0;
  };

  AddedTokens() : nodes_(1) {}

  // `content` is not empty. Of equal contents the first one counts.
  void add(std::string_view content, const AddedToken& token);
  // Replaces `found` by the tokens of `text`, in order. With `skip_special` special ones are plain text.
  void find_all(std::string_view text, bool skip_special, std::vector<Found>& found) const;
  [[nodiscard]] bool empty() const { return tokens_.empty(); }

 private:
  struct Node {
    std::map<unsigned char, std::size_t> next;
    std::size_t token = kNoToken;
  };
  struct Match {
    TextRange range;
    std::size_t token = 0;
  };
  static constexpr std::size_t kNoToken = ~std::size_t{0};

  [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t offset) const;

  std::vector<Node> nodes_;  // a trie; the root is first
  std::vector<AddedToken> tokens_;
  bool first_bytes_[256] = {};  // whether a token begins with it
};

}  // namespace luthier::text
