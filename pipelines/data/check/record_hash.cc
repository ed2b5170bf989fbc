#include "pipelines/data/check/record_hash.h"

#include <xxhash.h>

#include <bit>

namespace luthier::data::check {
namespace {

Hash128 mix(Hash128 a, Hash128 b, std::uint64_t salt) {
  const std::uint64_t words[5] = {a.high, a.low, b.high, b.low, salt};
  const XXH128_hash_t hash = XXH3_128bits(words, sizeof(words));
  return {hash.high64, hash.low64};
}

Hash128 hash_number(std::uint64_t bits, std::uint64_t type) { return mix({bits, type}, {}, 2); }

}  // namespace

Hash128 hash_of(Element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT: {
      Hash128 sum{1, 1};  // addition does not care for order
      for (const auto& [name, value] : simdjson::dom::object(element)) {
        const Hash128 entry = mix(hash_of(name), hash_of(value), 3);
        sum = {sum.high + entry.high, sum.low + entry.low};
      }
      return mix(sum, {}, 4);
    }
    case element_type::ARRAY: {
      Hash128 chain{2, 2};
      for (const Element value : simdjson::dom::array(element)) {
        chain = mix(chain, hash_of(value), 5);
      }
      return chain;
    }
    case element_type::STRING: return hash_of(std::string_view(element));
    case element_type::INT64: return hash_number(static_cast<std::uint64_t>(std::int64_t(element)), 0);
    case element_type::UINT64: return hash_number(std::uint64_t(element), 0);
    case element_type::DOUBLE: return hash_number(std::bit_cast<std::uint64_t>(double(element)), 1);
    case element_type::BOOL: return hash_number(bool(element) ? 1 : 0, 6);
    case element_type::NULL_VALUE: break;
  }
  return hash_number(0, 7);
}

}  // namespace luthier::data::check
