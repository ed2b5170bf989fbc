// AddedTokens: finds the tokens of a tokenizer's `added_tokens` list in text: leftmost first, longest among those
// that begin at one place. Immutable after the last add().
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "pipelines/text/token_id.h"

namespace luthier::text {

class AddedTokens {
 public:
  struct Found {
    std::size_t begin = 0;  // byte offsets
    std::size_t end = 0;
    TokenId id = 0;
  };

  AddedTokens() : nodes_(1) {}

  // `content` is not empty. Adding the same content again replaces its id.
  void add(std::string_view content, TokenId id);
  // The first one that begins at or after `offset`.
  [[nodiscard]] std::optional<Found> find(std::string_view text, std::size_t offset) const;
  [[nodiscard]] bool empty() const { return nodes_.size() == 1; }

 private:
  struct Node {
    std::map<unsigned char, std::size_t> next;
    TokenId id = -1;  // -1: no token ends here
  };
  std::vector<Node> nodes_;  // a trie; the root is first
};

}  // namespace luthier::text
