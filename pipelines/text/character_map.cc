#include "pipelines/text/character_map.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

constexpr std::size_t kUnitBytes = 4;

// Units of the double array: a label, the distance to the children, and whether one of them is a value.
std::uint32_t label_of(std::uint32_t unit) { return unit & (0x80000000U | 0xffU); }
std::size_t offset_of(std::uint32_t unit) { return std::size_t{unit >> 10} << ((unit & 0x200U) >> 6); }
bool has_value(std::uint32_t unit) { return (unit >> 8 & 1U) != 0; }
std::size_t value_of(std::uint32_t unit) { return unit & 0x7fffffffU; }

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kUnitBytes; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

struct Range {
  char32_t first;
  char32_t last;
};
// Marks that Unicode 16 and 17 added: they continue a cluster, which utf8proc does not know yet. ./dev oracle compares
// every character.
constexpr std::array<Range, 20> kNewerMarks{{
    {0x897, 0x897},     {0x1acf, 0x1add},   {0x1ae0, 0x1aeb},   {0x10d69, 0x10d6d}, {0x10efa, 0x10efc},
    {0x113b8, 0x113c0}, {0x113c2, 0x113c2}, {0x113c5, 0x113c5}, {0x113c7, 0x113ca}, {0x113cc, 0x113d0},
    {0x113d2, 0x113d2}, {0x113e1, 0x113e2}, {0x11b60, 0x11b67}, {0x11f5a, 0x11f5a}, {0x1611e, 0x1612f},
    {0x1e5ee, 0x1e5ef}, {0x1e6e3, 0x1e6e3}, {0x1e6e6, 0x1e6e6}, {0x1e6ee, 0x1e6ef}, {0x1e6f5, 0x1e6f5},
}};
constexpr char32_t kKnownMark = 0x301;

utf8proc_int32_t known(char32_t code_point) {
  const bool newer = std::any_of(kNewerMarks.begin(), kNewerMarks.end(), [&](const Range& range) {
    return code_point >= range.first && code_point <= range.last;
  });
  return static_cast<utf8proc_int32_t>(newer ? kKnownMark : code_point);
}

}  // namespace

Result<CharacterMap> CharacterMap::parse(std::string_view bytes) {
  const auto wrong = [](const char* what) { return Error{ErrorCode::kInvalidArgument, what}; };
  if (bytes.size() < kUnitBytes) {
    return wrong("is too short for a map of characters");
  }
  const std::size_t trie_bytes = number_at(bytes, 0);
  if (trie_bytes == 0 || trie_bytes % kUnitBytes != 0 || trie_bytes > bytes.size() - kUnitBytes) {
    return wrong("has a trie that is longer than it, empty, or not of whole units");
  }
  CharacterMap map;
  map.trie_.reserve(trie_bytes / kUnitBytes);
  for (std::size_t at = kUnitBytes; at < kUnitBytes + trie_bytes; at += kUnitBytes) {
    map.trie_.push_back(number_at(bytes, at));
  }
  map.replacements_ = bytes.substr(kUnitBytes + trie_bytes);
  if (find_invalid_utf8(map.replacements_)) {
    return wrong("has replacements that are not UTF-8");
  }
  return map;
}

std::optional<std::string_view> CharacterMap::find(std::string_view text) const {
  std::size_t at = offset_of(trie_.front());
  for (const char c : text) {
    const std::uint32_t byte = static_cast<unsigned char>(c);
    at ^= byte;
    if (byte == 0 || at >= trie_.size() || label_of(trie_[at]) != byte) {
      return std::nullopt;
    }
    const std::uint32_t unit = trie_[at];
    at ^= offset_of(unit);
    if (!has_value(unit)) {
      continue;
    }
    const std::size_t begin = at < trie_.size() ? value_of(trie_[at]) : replacements_.size();
    if (begin >= replacements_.size() || (static_cast<unsigned char>(replacements_[begin]) & 0xc0U) == 0x80U) {
      return std::nullopt;
    }
    const std::string_view rest = std::string_view(replacements_).substr(begin);
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

std::size_t cluster_end(std::string_view text, std::size_t begin) {
  constexpr std::size_t kLongEnough = 6;
  DecodedCharacter character = decode_character(text, begin);
  std::size_t end = begin + character.length;
  utf8proc_int32_t state = 0;
  while (end < text.size() && end - begin < kLongEnough) {
    const bool plain = static_cast<unsigned char>(text[end]) < 0x80 && text[end] != '\n';
    if (plain && static_cast<unsigned char>(text[end - 1]) < 0x80) {
      break;
    }
    const DecodedCharacter next = decode_character(text, end);
    if (utf8proc_grapheme_break_stateful(known(character.code_point), known(next.code_point), &state)) {
      break;
    }
    character = next;
    end += next.length;
  }
  return end;
}

}  // namespace luthier::text
