// Tokens of an image in a chat, by the published rule. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace luthier::data::count {

inline constexpr std::int64_t kLowDetailTokens = 85;

// `detail` high: scaled to fit 2,048 x 2,048, then down to a shorter side of 768; 170 for each tile of 512 x 512,
// and 85.
[[nodiscard]] std::int64_t high_detail_tokens(std::uint32_t width, std::uint32_t height);

struct ImageTokens {
  std::int64_t tokens = 0;
  bool size_known = true;  // false: of an image elsewhere at more than low detail; counted as one tile
};
// `detail`: "low", "high", "auto" or empty, which is auto: low for images that fit one tile.
[[nodiscard]] ImageTokens image_tokens(std::string_view url, std::string_view detail);

}  // namespace luthier::data::count
