// Letters: characters (Unicode code points) of UTF-8 text, counted and lower-cased as the legacy prepare_data tool
// counts and lower-cases them. Pure; `text` must be well-formed UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace luthier::data {

[[nodiscard]] std::size_t count_characters(std::string_view text);

// `text` without its first `characters` characters; empty when it has no more.
[[nodiscard]] std::string_view without_first(std::string_view text, std::size_t characters);

struct LetterCounts {
  std::int64_t upper = 0;
  std::int64_t lower = 0;
};
// Letters (of Unicode's categories L*) with the property Uppercase or Lowercase; others count as neither.
[[nodiscard]] LetterCounts count_letters(std::string_view text);

// Unicode's full lower-casing without a language: a sigma that ends a word becomes the final one.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace luthier::data
