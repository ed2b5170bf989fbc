// str() and repr() as Python writes them.
#include <array>
#include <charconv>
#include <cmath>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/unicode.h"
#include "pipelines/text/jinja/value.h"

namespace luthier::text::jinja {
namespace {

constexpr int kDepthMax = 200;

void append_hexadecimal(std::string& out, char32_t character) {
  constexpr const char* kDigits = "0123456789abcdef";
  const int digits = character <= 0xFF ? 2 : character <= 0xFFFF ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int i = digits - 1; i >= 0; --i) {
    out += kDigits[(character >> (4U * static_cast<unsigned>(i))) & 0xFU];
  }
}

void append_quoted(Heap& heap, std::string& out, std::string_view text) {
  heap.charge(text.size());
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out += quote;
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t character = next_character(text, offset);
    if (character == '\n') {
      out += "\\n";
    } else if (character == '\r') {
      out += "\\r";
    } else if (character == '\t') {
      out += "\\t";
    } else if (character == '\\' || character == static_cast<unsigned char>(quote)) {
      out += '\\';
      out += static_cast<char>(character);
    } else if (is_printable(character)) {
      out += text.substr(begin, offset - begin);
    } else {
      append_hexadecimal(out, character);
    }
  }
  out += quote;
}

void append_items(Heap& heap, std::string& out, const List& list, const char* open, const char* close, int depth) {
  out += open;
  const char* separator = "";
  for (const Value& item : list.items) {
    out += separator;
    append_repr(heap, out, item, depth + 1);
    separator = ", ";
  }
  out += close;
}

void append_list(Heap& heap, std::string& out, const List& list, int depth) {
  switch (list.kind) {
    case ListKind::kList: return append_items(heap, out, list, "[", "]", depth);
    case ListKind::kTuple: return append_items(heap, out, list, "(", list.items.size() == 1 ? ",)" : ")", depth);
    case ListKind::kKeys: return append_items(heap, out, list, "dict_keys([", "])", depth);
    case ListKind::kValues: return append_items(heap, out, list, "dict_values([", "])", depth);
    case ListKind::kItems: return append_items(heap, out, list, "dict_items([", "])", depth);
    case ListKind::kRange: fail("a range is printed; use range(...) | list");
  }
}

void append_map(Heap& heap, std::string& out, const Map& map, int depth) {
  out += '{';
  const char* separator = "";
  for (const auto& [key, value] : map.entries) {
    out += separator;
    append_repr(heap, out, key, depth + 1);
    out += ": ";
    append_repr(heap, out, value, depth + 1);
    separator = ", ";
  }
  out += '}';
}

}  // namespace

// The shortest digits that read back as the same number, in Python's layout.
std::string real_text(double number) {
  if (std::isnan(number)) {
    return "nan";
  }
  if (std::isinf(number)) {
    return number < 0 ? "-inf" : "inf";
  }
  std::array<char, 64> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
  const std::string text(buffer.data(), written.ptr);
  const std::size_t at = text.find('e');
  const int exponent = std::stoi(text.substr(at + 1));
  if (exponent < -4 || exponent >= 16) {
    return text;  // both write at least two digits of the exponent, with its sign
  }
  std::string digits;
  for (const char c : text.substr(0, at)) {
    if (c >= '0' && c <= '9') {
      digits += c;
    }
  }
  const std::string sign = text.front() == '-' ? "-" : "";
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  }
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

void append_repr(Heap& heap, std::string& out, const Value& value, int depth) {
  heap.step();
  heap.charge(8);
  if (depth > kDepthMax) {
    fail_bound("a value is nested more than " + std::to_string(kDepthMax) + " deep");
  }
  switch (value.kind()) {
    case Kind::kUndefined: out += "Undefined"; return;
    case Kind::kNone: out += "None"; return;
    case Kind::kBool: out += value.as_bool() ? "True" : "False"; return;
    case Kind::kInt: out += std::to_string(value.as_integer()); return;
    case Kind::kFloat: out += real_text(value.as_real()); return;
    case Kind::kText: append_quoted(heap, out, value.as_text()); return;
    case Kind::kList: append_list(heap, out, value.as_list(), depth); return;
    case Kind::kMap: append_map(heap, out, value.as_map(), depth); return;
    case Kind::kNamespace:
      out += "<Namespace ";
      append_map(heap, out, value.as_namespace().attributes, depth);
      out += '>';
      return;
    case Kind::kIterator: fail("an iterator is printed, not its items; put '| list' or '| join' behind it");
    case Kind::kLoop: fail("'loop' itself is printed, not one of its attributes");
    case Kind::kCallable:
      fail("'" + std::string(value.as_callable().name) + "' is printed without being called; put '()' behind it");
  }
}

void append_text(Heap& heap, std::string& out, const Value& value) {
  if (value.is_text()) {
    heap.scan(value.as_text().size());
    out += value.as_text();
  } else if (!value.is_undefined()) {
    append_repr(heap, out, value);
  }
}

std::string to_text(Heap& heap, const Value& value) {
  std::string out;
  append_text(heap, out, value);
  return out;
}

}  // namespace luthier::text::jinja
