#include "pipelines/text/jinja/text_work.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {

Value replaced(Heap& heap, std::string_view text, std::string_view old, std::string_view fresh, std::int64_t count) {
  heap.scan(text.size());
  auto left = count < 0 ? SIZE_MAX : static_cast<std::size_t>(count);
  TextBuilder out(heap);
  if (old.empty()) {
    for (const std::string_view character : characters_of(text)) {
      if (left > 0) {
        heap.step();
        out.add(fresh);
        --left;
      }
      out.add(character);
    }
    out.add(left > 0 ? fresh : "");
    return out.finish();
  }
  std::size_t from = 0;
  for (std::size_t at = text.find(old); at != std::string_view::npos && left > 0; at = text.find(old, from)) {
    heap.step();
    out.add(text.substr(from, at - from));
    out.add(fresh);
    from = at + old.size();
    --left;
  }
  out.add(text.substr(from));
  return out.finish();
}

Value padded(Heap& heap, std::string_view text, std::int64_t width, std::string_view fill, Alignment alignment) {
  const auto length = static_cast<std::int64_t>(count_characters(text));
  const std::size_t missing = width > length ? static_cast<std::size_t>(width - length) : 0;
  heap.need(missing);
  heap.need(missing * fill.size());
  std::size_t before = alignment == Alignment::kRight ? missing : 0;
  if (alignment == Alignment::kCenter) {  // str.center puts the odd one to the left where the width is odd
    before = missing / 2 + (missing & static_cast<std::size_t>(width) & 1U);
  }
  TextBuilder out(heap);
  for (std::size_t i = 0; i < before; ++i) {
    out.add(fill);
  }
  out.add(text);
  for (std::size_t i = before; i < missing; ++i) {
    out.add(fill);
  }
  return out.finish();
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

std::optional<std::int64_t> parse_python_integer(std::string_view text, std::int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) {
    return std::nullopt;
  }
  std::string digits;
  text = strip(text);
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    digits += text.front() == '-' ? "-" : "";
    text.remove_prefix(1);
  }
  const auto prefix = [&](char letter, int of) {
    const bool has = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter && (base == of || base == 0);
    if (has) {
      text.remove_prefix(2);
      base = of;
    }
    return has;
  };
  const bool prefixed = prefix('x', 16) || prefix('o', 8) || prefix('b', 2);
  if (!prefixed && base == 0) {
    base = 10;
  }
  char last = prefixed ? '0' : '_';
  for (const char c : text) {
    if (c == '_' && last == '_') {
      return std::nullopt;
    }
    digits += c == '_' ? "" : std::string(1, c);
    last = c;
  }
  std::int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number, static_cast<int>(base));
  const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size() && last != '_';
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<double> parse_python_real(std::string_view text) {
  text = strip(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    if (text[i] == '_' && i > 0 && is_digit(i - 1) && is_digit(i + 1)) {
      continue;
    }
    digits += text[i];
  }
  if (digits.empty() || digits.front() == '-' || digits.front() == '+') {
    return std::nullopt;
  }
  double number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ptr != digits.data() + digits.size() || read.ec == std::errc::invalid_argument ||
      digits.find('(') != std::string::npos) {
    return std::nullopt;
  }
  if (read.ec == std::errc::result_out_of_range) {
    number = std::strtod(digits.c_str(), nullptr);  // infinity, or zero
  }
  return negative ? -number : number;
}

double round_half_even(double number, int digits) {
  if (!std::isfinite(number)) {
    return number;
  }
  if (digits < 0) {
    const double scale = std::pow(10.0, -digits);
    return std::nearbyint(number / scale) * scale;
  }
  // The decimal digits of a double are exact, so printing rounds as Python does.
  std::array<char, 1024> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.*f", std::min(digits, 320), number);
  double value = number;
  (void)std::from_chars(buffer.data(), buffer.data() + std::min<int>(size, 1023), value);
  return value;
}

}  // namespace luthier::text::jinja
