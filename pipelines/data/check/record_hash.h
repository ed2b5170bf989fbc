// RecordHash: 128 bits of what an example says, whatever the order of its members and the way its JSON is written.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "pipelines/data/check/record_context.h"

namespace luthier::data::check {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

[[nodiscard]] Hash128 hash_of(std::string_view text);
// Texts, numbers, lists in order, objects in any order of members.
[[nodiscard]] Hash128 hash_of(Element element);

}  // namespace luthier::data::check
