// The layout of a shard, shared by its writer and its reader; docs/data.md has it in words. Little-endian throughout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace luthier::pack {

inline constexpr std::string_view kMagic = "LUTHPACK";
inline constexpr std::size_t kVersionAt = 8;
inline constexpr std::size_t kTokenBytesAt = 12;
inline constexpr std::size_t kBudgetAt = 16;
inline constexpr std::size_t kFirstBinAt = 24;
inline constexpr std::size_t kBinsAt = 32;
inline constexpr std::size_t kSegmentsAt = 40;
inline constexpr std::size_t kTokensAt = 48;
inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kBinBytes = 8;       // the number of its first segment; one more at the end
inline constexpr std::size_t kSegmentBytes = 24;  // sample, first token, tokens (4 bytes), 4 zero bytes

inline constexpr std::size_t padded(std::size_t size) { return (size + 7) / 8 * 8; }

}  // namespace luthier::pack
