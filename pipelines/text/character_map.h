// CharacterMap: SentencePiece's precompiled map of characters, the `precompiled_charsmap` of a tokenizer.json: a
// double-array trie of what is replaced, and the replacements. Immutable; shared by threads. Bytes are untrusted: a
// trie that leads nowhere finds nothing, and a search takes no more steps than the text has bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::text {

class CharacterMap {
 public:
  // The trie's size in bytes (4 bytes, little-endian), its units (4 bytes each), replacements, each ended by a zero
  // byte. kInvalidArgument says what is wrong.
  [[nodiscard]] static Result<CharacterMap> parse(std::string_view bytes);

  // What replaces the shortest beginning of `text` that is in the map; nullopt when none is.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;

 private:
  std::vector<std::uint32_t> trie_;
  std::string replacements_;  // UTF-8
};

// Where the cluster of characters ends that begins at `begin`, as users see characters (extended grapheme clusters).
// `text` is well-formed UTF-8. Exact for clusters of up to five bytes, which is what a CharacterMap is asked for;
// longer ones are given as longer than that.
[[nodiscard]] std::size_t cluster_end(std::string_view text, std::size_t begin);

}  // namespace luthier::text
