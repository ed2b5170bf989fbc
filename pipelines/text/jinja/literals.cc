#include "pipelines/text/jinja/literals.h"

#include <charconv>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::jinja {
namespace {

bool is_digit(char c, int base) {
  if (base == 16) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  }
  return c >= '0' && c < '0' + base;
}

char at_or_none(std::string_view text, std::size_t at) { return at < text.size() ? text[at] : '\0'; }

// Behind the digits from `at` on, with single underscores between them; `at` itself when there is none.
std::size_t skip_digits(std::string_view text, std::size_t at, int base) {
  if (!is_digit(at_or_none(text, at), base)) {
    return at;
  }
  while (is_digit(at_or_none(text, at), base) ||
         (at_or_none(text, at) == '_' && is_digit(at_or_none(text, at + 1), base))) {
    ++at;
  }
  return at;
}

int base_of(std::string_view text, std::size_t at) {
  if (at_or_none(text, at) != '0') {
    return 10;
  }
  switch (at_or_none(text, at + 1)) {
    case 'x':
    case 'X': return 16;
    case 'o':
    case 'O': return 8;
    case 'b':
    case 'B': return 2;
    default: return 10;
  }
}

std::string without_underscores(std::string_view number) {
  std::string digits;
  for (const char c : number) {
    if (c != '_') {
      digits += c;
    }
  }
  return digits;
}

// Behind the fraction and exponent of a real number whose digits end at `end`; `end` when it has neither.
std::size_t skip_fraction(std::string_view source, std::size_t end) {
  std::size_t fraction = end;
  if (at_or_none(source, end) == '.') {
    const std::size_t digits = skip_digits(source, end + 1, 10);
    fraction = digits == end + 1 ? end : digits;
  }
  const char e = at_or_none(source, fraction);
  if (e == 'e' || e == 'E') {
    const char sign = at_or_none(source, fraction + 1);
    const std::size_t first = fraction + (sign == '+' || sign == '-' ? 2 : 1);
    const std::size_t digits = skip_digits(source, first, 10);
    return digits == first ? fraction : digits;
  }
  return fraction;
}

// One escape that begins behind a backslash at `at`, which moves behind it.
void append_escape(std::string& out, std::string_view text, std::size_t& at) {
  constexpr std::string_view kNames = "abfnrtv\\'\"";
  constexpr std::string_view kCharacters = "\a\b\f\n\r\t\v\\'\"";
  const char c = text[at++];
  if (const std::size_t found = kNames.find(c); found != std::string_view::npos) {
    out += kCharacters[found];
    return;
  }
  if (c == '\n') {
    return;
  }
  const std::size_t digits_max = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : is_digit(c, 8) ? 3 : 0;
  if (digits_max == 0) {
    out += '\\';
    out += c;
    return;
  }
  const int base = digits_max == 3 ? 8 : 16;
  at -= base == 8 ? 1 : 0;
  std::uint32_t value = 0;
  std::size_t count = 0;
  while (count < digits_max && is_digit(at_or_none(text, at), base)) {
    const std::string_view digit = text.substr(at++, 1);
    std::uint32_t one = 0;
    (void)std::from_chars(digit.data(), digit.data() + 1, one, base);
    value = value * static_cast<std::uint32_t>(base) + one;
    ++count;
  }
  if ((base == 16 && count < digits_max) || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    fail(std::string("\\") + c + " in a text does not name a character");
  }
  append_utf8(out, value);
}

}  // namespace

std::size_t number_length(std::string_view source, std::size_t at) {
  if (!is_digit(at_or_none(source, at), 10)) {
    return 0;
  }
  const std::size_t digits = skip_digits(source, at, 10);
  const std::size_t real = skip_fraction(source, digits);
  if (real > digits && (at == 0 || source[at - 1] != '.')) {
    return real - at;
  }
  const int base = base_of(source, at);
  if (base != 10) {
    const std::size_t first = at + 2 + (at_or_none(source, at + 2) == '_' ? 1 : 0);
    const std::size_t end = skip_digits(source, first, base);
    return end > first ? end - at : 1;
  }
  if (source[at] != '0') {
    return digits - at;
  }
  std::size_t end = at + 1;  // zeros only
  while (at_or_none(source, end) == '0' || (at_or_none(source, end) == '_' && at_or_none(source, end + 1) == '0')) {
    ++end;
  }
  return end - at;
}

bool is_real(std::string_view number) {
  return base_of(number, 0) == 10 && number.find_first_of(".eE") != std::string_view::npos;
}

double parse_real(std::string_view number) {
  const std::string digits = without_underscores(number);
  double value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    fail("number " + digits + " is out of range");
  }
  return value;
}

std::int64_t parse_integer(std::string_view number) {
  const std::string digits = without_underscores(number);
  const int base = base_of(digits, 0);
  const char* first = digits.data() + (base == 10 ? 0 : 2);
  std::int64_t value = 0;
  if (std::from_chars(first, digits.data() + digits.size(), value, base).ec != std::errc()) {
    fail("number " + digits + " is out of range (64 bits)");
  }
  return value;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    ++at;
    append_escape(out, text, at);
  }
  return out;
}

}  // namespace luthier::text::jinja
