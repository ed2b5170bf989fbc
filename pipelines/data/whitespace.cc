#include "pipelines/data/whitespace.h"

#include <array>
#include <cstddef>

namespace luthier::data {
namespace {

constexpr std::array<std::string_view, 20> kWideSpaces = {
    "\xc2\xa0",     "\xc2\x85",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
    "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
    "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe3\x80\x80", "\xef\xbb\xbf"};

// Bytes of the white space that `text` begins (or ends) with; 0: none.
std::size_t space_at_front(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  if (std::string_view(" \t\n\r\v\f").find(text.front()) != std::string_view::npos) {
    return 1;
  }
  for (const std::string_view space : kWideSpaces) {
    if (text.starts_with(space)) {
      return space.size();
    }
  }
  return 0;
}

std::size_t space_at_back(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  if (std::string_view(" \t\n\r\v\f").find(text.back()) != std::string_view::npos) {
    return 1;
  }
  for (const std::string_view space : kWideSpaces) {
    if (text.ends_with(space)) {
      return space.size();
    }
  }
  return 0;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (const std::size_t bytes = space_at_front(text)) {
    text.remove_prefix(bytes);
  }
  while (const std::size_t bytes = space_at_back(text)) {
    text.remove_suffix(bytes);
  }
  return text;
}

std::string collapsed(std::string_view text) {
  text = trimmed(text);
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    std::size_t bytes = space_at_front(text);
    if (bytes == 0) {
      result.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    result.push_back(' ');
    for (; bytes > 0; bytes = space_at_front(text)) {
      text.remove_prefix(bytes);
    }
  }
  return result;
}

}  // namespace luthier::data
