#include "pipelines/text/jinja/json_text.h"

#include <algorithm>
#include <cmath>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

constexpr int kDepthMax = 200;

void append_unit(std::string& out, unsigned unit) {
  constexpr const char* kDigits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += kDigits[(unit >> shift) & 0xFU];
  }
}

void append_escaped(std::string& out, char32_t character) {
  if (character >= 0x10000) {
    append_unit(out, 0xD800U + ((character - 0x10000) >> 10U));
    append_unit(out, 0xDC00U + ((character - 0x10000) & 0x3FFU));
  } else {
    append_unit(out, character);
  }
}

void append_string(Heap& heap, std::string& out, std::string_view text, bool ensure_ascii) {
  heap.charge(text.size());
  out += '"';
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t character = next_character(text, offset);
    switch (character) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\f': out += "\\f"; break;
      case '\b': out += "\\b"; break;
      default:
        if (character < 0x20 || (ensure_ascii && character >= 0x80)) {
          append_escaped(out, character);
        } else {
          out += text.substr(begin, offset - begin);
        }
    }
  }
  out += '"';
}

std::string number_text(double number) {
  if (std::isnan(number)) {
    return "NaN";
  }
  if (std::isinf(number)) {
    return number < 0 ? "-Infinity" : "Infinity";
  }
  return real_text(number);
}

void append_break(Heap& heap, std::string& out, const JsonStyle& style, int depth) {
  if (style.indent) {
    heap.charge(style.indent->size() * static_cast<std::size_t>(depth) + 1);
    out += '\n';
    for (int i = 0; i < depth; ++i) {
      out += *style.indent;
    }
  }
}

void append_key(Heap& heap, std::string& out, const Value& key, const JsonStyle& style) {
  if (key.is_text()) {
    append_string(heap, out, key.as_text(), style.ensure_ascii);
    return;
  }
  out += '"';
  append_json(heap, out, key, style, 0);  // a number, true, false or null
  out += '"';
}

void append_object(Heap& heap, std::string& out, const Map& map, const JsonStyle& style, int depth) {
  std::vector<const std::pair<Value, Value>*> entries;
  for (const auto& entry : map.entries) {
    entries.push_back(&entry);
  }
  if (style.sort_keys) {
    std::stable_sort(entries.begin(), entries.end(), [&](const auto* left, const auto* right) {
      return compare(heap, left->first, right->first, "<") < 0;
    });
  }
  if (entries.empty()) {
    out += "{}";
    return;
  }
  out += '{';
  for (std::size_t i = 0; i < entries.size(); ++i) {
    out += i == 0 ? "" : style.item_separator;
    append_break(heap, out, style, depth + 1);
    append_key(heap, out, entries[i]->first, style);
    out += style.key_separator;
    append_json(heap, out, entries[i]->second, style, depth + 1);
  }
  append_break(heap, out, style, depth);
  out += '}';
}

void append_array(Heap& heap, std::string& out, const List& list, const JsonStyle& style, int depth) {
  if (list.kind > ListKind::kTuple) {
    fail("a range or a view of a mapping is not JSON; put '| list' before tojson");
  }
  if (list.items.empty()) {
    out += "[]";
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    out += i == 0 ? "" : style.item_separator;
    append_break(heap, out, style, depth + 1);
    append_json(heap, out, list.items[i], style, depth + 1);
  }
  append_break(heap, out, style, depth);
  out += ']';
}

}  // namespace

void append_json(Heap& heap, std::string& out, const Value& value, const JsonStyle& style, int depth) {
  heap.step();
  heap.charge(8 + style.item_separator.size() + style.key_separator.size());
  if (depth > kDepthMax) {
    fail_bound("a value is nested more than " + std::to_string(kDepthMax) + " deep");
  }
  switch (value.kind()) {
    case Kind::kNone: out += "null"; return;
    case Kind::kBool: out += value.as_bool() ? "true" : "false"; return;
    case Kind::kInt: out += std::to_string(value.as_integer()); return;
    case Kind::kFloat: out += number_text(value.as_real()); return;
    case Kind::kText: append_string(heap, out, value.as_text(), style.ensure_ascii); return;
    case Kind::kList: append_array(heap, out, value.as_list(), style, depth); return;
    case Kind::kMap: append_object(heap, out, value.as_map(), style, depth); return;
    case Kind::kUndefined: fail("tojson of what is undefined: " + undefined_message(value));
    default: fail("'" + std::string(type_name(value)) + "' is not JSON");
  }
}

}  // namespace luthier::text::jinja
