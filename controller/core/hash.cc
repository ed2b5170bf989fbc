#include <bit>

#include "controller/core/core.h"
#include "controller/core/fields.h"

namespace luthier::core {
namespace {

// Folds values one after the other; not cryptographic. Lengths go in before contents, so that neighbours cannot
// trade bytes.
struct Fold {
  std::uint64_t hash = 0x9e3779b97f4a7c15ULL;

  void word(std::uint64_t value) {
    hash ^= value;
    hash *= 0xbf58476d1ce4e5b9ULL;
    hash ^= hash >> 29;
  }
  template <std::integral T>
  void operator()(const char*, const T& value) {
    word(static_cast<std::uint64_t>(value));
  }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(const char*, const T& value) {
    word(static_cast<std::uint64_t>(value));
  }
  void operator()(const char*, const double& value) { word(std::bit_cast<std::uint64_t>(value)); }
  void operator()(const char*, const std::string& value);
  void operator()(const char*, const Json& value);
  template <class Tag>
  void operator()(const char*, const StringId<Tag>& value) {
    (*this)("", value.value);
  }
  template <class T>
  void operator()(const char*, const std::vector<T>& values) {
    word(values.size());
    for (const T& value : values) {
      (*this)("", value);
    }
  }
  template <class K, class V>
  void operator()(const char*, const std::map<K, V>& values) {
    word(values.size());
    for (const auto& [key, value] : values) {
      (*this)("", key);
      (*this)("", value);
    }
  }
  template <class T>
    requires requires(Fold& f, const T& x) { fields::visit(f, x); }
  void operator()(const char*, const T& value) {
    fields::visit(*this, value);
  }
  // A plan never changes: LiveRun's plan_hash stands for it.
  void operator()(const char*, const plan::Plan&) {}
};

void Fold::operator()(const char*, const std::string& value) {
  word(value.size());
  std::uint64_t chunk = 0;
  int filled = 0;
  for (const char c : value) {
    chunk = (chunk << 8) | static_cast<unsigned char>(c);
    if (++filled == 8) {
      word(chunk);
      chunk = 0;
      filled = 0;
    }
  }
  word(chunk);
}

void Fold::operator()(const char*, const Json& value) {
  // A whole number from 0 on has two types in memory, but one text.
  const bool natural = value.is_number_integer() && !value.is_number_unsigned() && value.get<std::int64_t>() >= 0;
  word(static_cast<std::uint64_t>(natural ? Json::value_t::number_unsigned : value.type()));
  switch (value.type()) {
    case Json::value_t::object:
      word(value.size());
      for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
        (*this)("", key);
        (*this)("", member);
      }
      break;
    case Json::value_t::array: (*this)("", value.get_ref<const Json::array_t&>()); break;
    case Json::value_t::string: (*this)("", value.get_ref<const std::string&>()); break;
    case Json::value_t::boolean: word(value.get<bool>() ? 1 : 0); break;
    case Json::value_t::number_integer: word(static_cast<std::uint64_t>(value.get<std::int64_t>())); break;
    case Json::value_t::number_unsigned: word(value.get<std::uint64_t>()); break;
    case Json::value_t::number_float: (*this)("", value.get<double>()); break;
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded: break;
  }
}

}  // namespace

std::uint64_t hash(const Json& value) {
  Fold fold;
  fold("", value);
  return fold.hash;
}

std::uint64_t hash(const State& state) {
  Fold fold;
  fold("", state);
  return fold.hash;
}

}  // namespace luthier::core
