// Hash128: 128 bits that stand for a text: of two texts that differ they are never the same, as far as anybody can
// tell.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace luthier::data::scratch {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

[[nodiscard]] Hash128 hash_of(std::string_view text);

}  // namespace luthier::data::scratch
