// whole_number: a member of a record as the integer type that is wanted. nlohmann's get<int>() takes 1e99 or 2^40 too
// and makes something of it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace luthier::shim {

template <class T>
[[nodiscard]] bool is_whole_number(const nlohmann::json& value) {
  return value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                    : value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>());
}

// Throws what nlohmann throws, naming the member, when it is absent, not whole, or does not fit.
template <class T>
[[nodiscard]] T whole_number(const nlohmann::json& object, const char* name) {
  const nlohmann::json& value = object.at(name);
  if (!is_whole_number<T>(value)) {
    throw nlohmann::json::other_error::create(501, std::string(name) + " must be a whole number that fits", nullptr);
  }
  return value.get<T>();
}

}  // namespace luthier::shim
