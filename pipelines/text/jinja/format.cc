// Text with places for values: "%s" % value, and "{}".format(value).
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/text_work.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

constexpr int kWidthMax = 10'000;

// How one value is written; what "%-8.3f" and "{:<8.3f}" say.
struct Layout {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^'; none: as the kind of the value wants it
  bool plus = false;
  bool space = false;
  bool zeros = false;
  bool alternate = false;  // 0x before hexadecimal digits
  bool grouped = false;    // 1,000
  int width = 0;
  int precision = -1;
  char type = '\0';
};

int read_count(std::string_view format, std::size_t& at) {
  int count = 0;
  while (at < format.size() && format[at] >= '0' && format[at] <= '9') {
    count = count * 10 + (format[at++] - '0');
    if (count > kWidthMax) {
      fail("a width or precision above " + std::to_string(kWidthMax));
    }
  }
  return count;
}

std::string grouped_digits(const std::string& digits) {
  const std::size_t whole = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < whole; ++i) {
    out += i > 0 && (whole - i) % 3 == 0 ? "," : "";
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string digits_of(std::uint64_t number, const Layout& layout) {
  const int base = layout.type == 'x' || layout.type == 'X' ? 16 : layout.type == 'o' ? 8 : layout.type == 'b' ? 2 : 10;
  std::array<char, 72> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, base);
  std::string digits(buffer.data(), written.ptr);
  if (layout.alternate && base != 10) {
    digits = std::string("0") + static_cast<char>(layout.type | 0x20) + digits;
  }
  return layout.type == 'X' ? to_upper(digits) : digits;
}

std::string real_digits(double number, const Layout& layout) {
  if (layout.type == '\0' && layout.precision < 0) {
    return real_text(number);
  }
  const char type = layout.type == '\0' ? 'g' : layout.type == '%' ? 'f' : layout.type;
  const std::string pattern = std::string("%.*") + type;
  std::array<char, 512> buffer{};
  const int precision = std::min(layout.precision < 0 ? 6 : layout.precision, 120);
  const double shown = layout.type == '%' ? number * 100 : number;
  const int size = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision, shown);
  return std::string(buffer.data(), static_cast<std::size_t>(std::min(size, 511))) + (layout.type == '%' ? "%" : "");
}

Value laid_out(Heap& heap, std::string text, const Layout& layout, char default_align) {
  const char align = layout.align != '\0' ? layout.align : default_align;
  return padded(heap, heap.text(std::move(text)).as_text(), layout.width, layout.fill,
                align == '<'   ? Alignment::kLeft
                : align == '>' ? Alignment::kRight
                               : Alignment::kCenter);
}

Value format_number(Heap& heap, const Value& value, const Layout& layout) {
  const bool is_real = value.is(Kind::kFloat) || std::string_view("eEfFgG%").find(layout.type) < 7;
  const bool negative = is_real ? std::signbit(value.as_real()) : value.as_integer() < 0;
  const std::uint64_t magnitude = negative && !is_real ? 0 - static_cast<std::uint64_t>(value.as_integer())
                                                       : static_cast<std::uint64_t>(is_real ? 0 : value.as_integer());
  std::string digits = is_real ? real_digits(std::abs(value.as_real()), layout) : digits_of(magnitude, layout);
  digits = layout.grouped ? grouped_digits(digits) : digits;
  const std::string sign = negative ? "-" : layout.plus ? "+" : layout.space ? " " : "";
  if (layout.zeros && layout.align == '\0') {
    const auto width = static_cast<std::size_t>(layout.width);
    const std::size_t used = sign.size() + digits.size();
    digits.insert(0, used < width ? width - used : 0, '0');
  }
  return laid_out(heap, sign + digits, layout, '>');
}

std::string cut(std::string text, int precision) {
  return precision < 0 ? text : text.substr(0, offset_of_character(text, static_cast<std::size_t>(precision)));
}

// "%" directives ---------------------------------------------------------------------------------------------------

// Gives the values of a "%" format one after the other.
class PercentValues {
 public:
  explicit PercentValues(const Value& values) : values_(values) {}
  Value next() {
    const bool is_tuple = values_.is(Kind::kList) && values_.as_list().kind == ListKind::kTuple;
    const std::size_t count = is_tuple ? values_.as_list().items.size() : 1;
    if (next_ >= count) {
      fail("a format with '%' has more places than values");
    }
    return is_tuple ? values_.as_list().items[next_++] : (++next_, values_);
  }
  Value named(std::string_view name) {
    const Value* found = values_.is(Kind::kMap) ? values_.as_map().find(name) : nullptr;
    if (found == nullptr) {
      fail("a format with '%' names '" + std::string(name) + "', which is not given");
    }
    next_ = SIZE_MAX;
    return *found;
  }
  void finish() const {
    const bool is_tuple = values_.is(Kind::kList) && values_.as_list().kind == ListKind::kTuple;
    const bool left = is_tuple ? next_ < values_.as_list().items.size() : next_ == 0 && !values_.is(Kind::kMap);
    if (left) {
      fail("a format with '%' has fewer places than values");
    }
  }

 private:
  const Value& values_;
  std::size_t next_ = 0;
};

Layout read_percent(std::string_view format, std::size_t& at, PercentValues& values) {
  Layout layout;
  layout.align = '\0';
  for (; at < format.size() && std::string_view("-+ 0#").find(format[at]) != std::string_view::npos; ++at) {
    layout.align = format[at] == '-' ? '<' : layout.align;
    layout.plus = layout.plus || format[at] == '+';
    layout.space = layout.space || format[at] == ' ';
    layout.zeros = layout.zeros || format[at] == '0';
    layout.alternate = layout.alternate || format[at] == '#';
  }
  const auto count = [&] {
    if (at < format.size() && format[at] == '*') {
      ++at;
      const Value value = values.next();
      if (!value.is_integral() || value.as_integer() < 0 || value.as_integer() > kWidthMax) {
        fail("'*' in a format takes a whole number up to " + std::to_string(kWidthMax));
      }
      return static_cast<int>(value.as_integer());
    }
    return read_count(format, at);
  };
  layout.width = count();
  if (at < format.size() && format[at] == '.') {
    ++at;
    layout.precision = count();
  }
  while (at < format.size() && std::string_view("hlL").find(format[at]) != std::string_view::npos) {
    ++at;
  }
  if (at == format.size()) {
    fail("a format ends inside a '%' directive");
  }
  layout.type = format[at++];
  return layout;
}

Value percent_value(Heap& heap, const Value& value, Layout layout) {
  switch (layout.type) {
    case 's': return laid_out(heap, cut(to_text(heap, value), layout.precision), layout, '>');
    case 'r':
    case 'a': {
      std::string text;
      append_repr(heap, text, value);
      return laid_out(heap, cut(text, layout.precision), layout, '>');
    }
    case 'c':
      if (!value.is_text() || count_characters(value.as_text()) != 1) {
        fail("'%c' takes one character");
      }
      return laid_out(heap, std::string(value.as_text()), layout, '>');
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': break;
    default: fail(std::string("'%") + layout.type + "' is no directive");
  }
  if (!value.is_number()) {
    fail(std::string("'%") + layout.type + "' takes a number, not '" + std::string(type_name(value)) + "'");
  }
  const bool whole = std::string_view("diu").find(layout.type) != std::string_view::npos;
  if (whole && value.is(Kind::kFloat)) {
    if (!(std::abs(value.as_real()) < 9.2e18)) {
      fail("a number becomes larger than 64 bits hold");
    }
    return percent_value(heap, Value::integer(static_cast<std::int64_t>(value.as_real())), layout);
  }
  if (value.is(Kind::kFloat) && std::string_view("xXo").find(layout.type) != std::string_view::npos) {
    fail(std::string("'%") + layout.type + "' takes a whole number");
  }
  layout.type = whole ? 'd' : layout.type;
  return format_number(heap, value, layout);
}

// "{}" fields ------------------------------------------------------------------------------------------------------

Layout read_braces(std::string_view spec) {
  Layout layout;
  std::size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  std::size_t second = 0;
  if (!spec.empty()) {
    (void)next_character(spec, second);
  }
  if (second > 0 && second < spec.size() && is_align(spec[second])) {
    layout.fill = spec.substr(0, second);
    layout.align = spec[second];
    at = second + 1;
  } else if (!spec.empty() && is_align(spec[0])) {
    layout.align = spec[at++];
  }
  const auto take = [&](char c) { return at < spec.size() && spec[at] == c && (++at, true); };
  layout.plus = take('+');
  layout.space = take(' ');
  (void)take('-');
  layout.alternate = take('#');
  layout.zeros = take('0');
  layout.width = read_count(spec, at);
  layout.grouped = take(',');
  if (take('.')) {
    layout.precision = read_count(spec, at);
  }
  layout.type = at < spec.size() ? spec[at++] : '\0';
  if (at != spec.size() || layout.align == '=') {
    fail("'" + std::string(spec) + "' is no format that is supported");
  }
  return layout;
}

Value brace_value(Heap& heap, const Value& value, const Layout& layout) {
  if (value.is_number() && (layout.type == '\0' ? !value.is(Kind::kBool) : layout.type != 's')) {
    if (std::string_view("dxXobeEfFgG%").find(layout.type) == std::string_view::npos && layout.type != '\0') {
      fail(std::string("'") + layout.type + "' is no format of a number");
    }
    if (value.is(Kind::kFloat) && std::string_view("dxXob").find(layout.type) < 5) {
      fail(std::string("format '") + layout.type + "' takes a whole number");
    }
    return format_number(heap, value, layout);
  }
  if (layout.type != '\0' && layout.type != 's') {
    fail(std::string("format '") + layout.type + "' takes a number, not '" + std::string(type_name(value)) + "'");
  }
  return laid_out(heap, cut(to_text(heap, value), layout.precision), layout, '<');
}

// "name", "0", "" with ".attribute" and "[item]" behind it.
Value field_value(Evaluator& evaluator, std::string_view field, const Arguments& arguments, std::size_t& automatic) {
  const std::size_t end = std::min(field.find_first_of(".["), field.size());
  const std::string_view first = field.substr(0, end);
  std::optional<Value> value;
  std::size_t index = 0;
  const auto read = std::from_chars(first.data(), first.data() + first.size(), index);
  const bool is_index = read.ec == std::errc() && read.ptr == first.data() + first.size();
  if (first.empty() || is_index) {
    index = first.empty() ? automatic++ : index;
    value = index < arguments.positional.size() ? std::optional(arguments.positional[index]) : std::nullopt;
  } else {
    for (const auto& [name, given] : arguments.named) {
      value = name == first ? std::optional(given) : value;
    }
  }
  if (!value) {
    fail("'format' names '" + std::string(first) + "', which is not given");
  }
  std::string_view rest = field.substr(end);
  while (!rest.empty()) {
    const bool is_item = rest.front() == '[';
    const std::size_t close = is_item ? rest.find(']') : std::min(rest.find_first_of(".[", 1), rest.size());
    if (close == std::string_view::npos || (!is_item && rest.front() != '.')) {
      fail("'" + std::string(field) + "' is no field of a format");
    }
    const std::string_view name = rest.substr(1, close - 1);
    std::int64_t number = 0;
    const auto digits = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool numeric = is_item && digits.ec == std::errc() && digits.ptr == name.data() + name.size();
    value = !is_item ? evaluator.attribute(*value, name)
                     : evaluator.item(*value, numeric ? Value::integer(number) : Value::text(name));
    rest.remove_prefix(close + (is_item ? 1 : 0));
  }
  return *value;
}

Value field_text(Evaluator& evaluator, std::string_view field, const Arguments& arguments, std::size_t& automatic) {
  const std::size_t colon = std::min(field.find(':'), field.size());
  const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : std::string_view();
  std::string_view name = field.substr(0, colon);
  const bool as_repr = name.ends_with("!r");
  if (as_repr || name.ends_with("!s")) {
    name.remove_suffix(2);
  }
  Value value = field_value(evaluator, name, arguments, automatic);
  if (as_repr) {
    std::string text;
    append_repr(evaluator.heap(), text, value);
    value = evaluator.heap().text(std::move(text));
  }
  return brace_value(evaluator.heap(), value, read_braces(spec));
}

}  // namespace

Value format_percent(Evaluator& evaluator, std::string_view format, const Value& values) {
  PercentValues given(values);
  TextBuilder out(evaluator.heap());
  for (std::size_t at = 0; at < format.size();) {
    const std::size_t percent = std::min(format.find('%', at), format.size());
    out.add(format.substr(at, percent - at));
    at = percent + 1;
    if (percent == format.size()) {
      break;
    }
    evaluator.heap().step();
    if (at < format.size() && format[at] == '%') {
      out.add("%");
      ++at;
      continue;
    }
    std::optional<Value> named;
    if (at < format.size() && format[at] == '(') {
      const std::size_t close = format.find(')', at);
      if (close == std::string_view::npos) {
        fail("a format ends inside a '%' directive");
      }
      named = given.named(format.substr(at + 1, close - at - 1));
      at = close + 1;
    }
    const Layout layout = read_percent(format, at, given);
    out.add(percent_value(evaluator.heap(), named ? *named : given.next(), layout).as_text());
  }
  given.finish();
  return out.finish();
}

Value format_braces(Evaluator& evaluator, std::string_view format, Arguments& arguments) {
  TextBuilder out(evaluator.heap());
  std::size_t automatic = 0;
  for (std::size_t at = 0; at < format.size();) {
    const char c = format[at];
    const bool doubled = at + 1 < format.size() && format[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      out.add(format.substr(at, 1));
      at += 2;
    } else if (c == '{') {
      evaluator.heap().step();
      const std::size_t close = format.find('}', at);
      if (close == std::string_view::npos) {
        fail("a format has '{' without '}'");
      }
      out.add(field_text(evaluator, format.substr(at + 1, close - at - 1), arguments, automatic).as_text());
      at = close + 1;
    } else if (c == '}') {
      fail("a format has '}' without '{'");
    } else {
      const std::size_t next = std::min(format.find_first_of("{}", at), format.size());
      out.add(format.substr(at, next - at));
      at = next;
    }
  }
  return out.finish();
}

}  // namespace luthier::text::jinja
