// Filters that read one value: text, numbers, JSON.
#include <array>
#include <charconv>
#include <cmath>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/json_text.h"
#include "pipelines/text/jinja/text_work.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

// Filters take anything as text.
std::string_view text_in(Evaluator& evaluator, const Value& input) {
  const std::string_view text = evaluator.text_of(input).as_text();
  evaluator.heap().scan(text.size());
  return text;
}

template <std::string (*change)(std::string_view)>
Value changed(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  arguments.finish(0, "this filter");
  return evaluator.heap().text(change(text_in(evaluator, input)));
}

// Jinja's title: also behind brackets and hyphens, but not behind apostrophes.
std::string titled(std::string_view text) {
  constexpr std::string_view kBreaks = "-({[<";
  std::string out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) {
      const std::size_t first = offset_of_character(word, 1);
      out += to_upper(std::string_view(word).substr(0, first)) + to_lower(std::string_view(word).substr(first));
      word.clear();
    }
  };
  for (std::size_t offset = 0; offset < text.size();) {
    const std::size_t begin = offset;
    const char32_t character = next_character(text, offset);
    if (is_space(character) || (character < 0x80 && kBreaks.find(static_cast<char>(character)) != kBreaks.npos)) {
      flush();
      out += text.substr(begin, offset - begin);
    } else {
      word += text.substr(begin, offset - begin);
    }
  }
  flush();
  return out;
}

Value trim(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::string_view text = text_in(evaluator, input);
  const auto characters = arguments.find(0, "chars");
  arguments.finish(1, "trim");
  if (!characters || characters->is_none()) {
    return Value::text(strip(text));
  }
  return Value::text(strip(text, text_in(evaluator, *characters), Side::kBoth));
}

Value replace(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::string_view text = text_in(evaluator, input);
  const std::string_view old = text_in(evaluator, arguments.require(0, "old", "replace"));
  const std::string_view fresh = text_in(evaluator, arguments.require(1, "new", "replace"));
  const std::int64_t count = arguments.integer_or(2, "count", -1);
  arguments.finish(3, "replace");
  return replaced(evaluator.heap(), text, old, fresh, count);
}

Value indent(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  if (!input.is_text()) {
    fail("'indent' takes text, not '" + std::string(type_name(input)) + "'");
  }
  const auto width = arguments.find(0, "width");
  std::string indention(4, ' ');
  if (width && width->is_text()) {
    indention = width->as_text();
  } else if (width) {
    if (!width->is_integral()) {
      fail("'indent' takes a width as number or text");
    }
    const std::size_t spaces = static_cast<std::size_t>(std::max<std::int64_t>(width->as_integer(), 0));
    evaluator.heap().need(spaces);
    indention.assign(spaces, ' ');
  }
  const bool first = arguments.bool_or(1, "first", false);
  const bool blank = arguments.bool_or(2, "blank", false);
  arguments.finish(3, "indent");
  evaluator.heap().scan(input.as_text().size());
  const std::string source = std::string(input.as_text()) + "\n";
  TextBuilder out(evaluator.heap());
  bool is_first = true;
  for (const std::string_view line : split_lines(source, false)) {
    evaluator.heap().step();
    out.add(is_first ? "" : "\n");
    if (is_first ? first : (blank || !line.empty())) {
      out.add(indention);
    }
    out.add(line);
    is_first = false;
  }
  return out.finish();
}

Value center(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::int64_t width = arguments.integer_or(0, "width", 80);
  arguments.finish(1, "center");
  return padded(evaluator.heap(), text_in(evaluator, input), width, " ", Alignment::kCenter);
}

Value truncate(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::string_view text = text_in(evaluator, input);
  const std::int64_t length = arguments.integer_or(0, "length", 255);
  const bool cuts_words = arguments.bool_or(1, "killwords", false);
  const auto given_end = arguments.find(2, "end");
  const std::string_view end = given_end ? text_in(evaluator, *given_end) : "...";
  const std::int64_t leeway = arguments.integer_or(3, "leeway", 5);
  arguments.finish(4, "truncate");
  const auto end_length = static_cast<std::int64_t>(count_characters(end));
  if (length < end_length || leeway < 0) {
    fail("'truncate' needs a length of at least that of its end");
  }
  if (static_cast<std::int64_t>(count_characters(text)) - leeway <= length) {
    return input.is_text() ? input : Value::text(text);
  }
  std::string_view kept = text.substr(0, offset_of_character(text, static_cast<std::size_t>(length - end_length)));
  if (!cuts_words) {
    kept = kept.substr(0, kept.rfind(' '));
  }
  return evaluator.heap().text(std::string(kept) + std::string(end));
}

Value safe(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  return Value::markup(evaluator.text_of(input).as_text());
}

Value escape(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  return input.is_markup() ? input
                           : Value::markup(evaluator.heap().text(html_escaped(text_in(evaluator, input))).as_text());
}

Value force_escape(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  return Value::markup(evaluator.heap().text(html_escaped(text_in(evaluator, input))).as_text());
}

std::string url_encoded(std::string_view text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || std::string_view("_.-~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0xFU];
    }
  }
  return out;
}

Value word_count(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  const std::string_view text = text_in(evaluator, input);
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t offset = 0; offset < text.size();) {
    const bool in_word = is_word(next_character(text, offset));
    words += in_word && !inside ? 1 : 0;
    inside = in_word;
  }
  return Value::integer(words);
}

Value format(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const std::string_view text = text_in(evaluator, input);
  if (!arguments.named.empty()) {
    Map map;
    for (const auto& [name, value] : arguments.named) {
      map.set(Value::text(name), value);
    }
    return format_percent(evaluator, text, Value(evaluator.heap().map(std::move(map))));
  }
  return format_percent(evaluator, text, evaluator.heap().list_value(arguments.positional, ListKind::kTuple));
}

Value default_value(Evaluator& /*evaluator*/, const Value& input, Arguments& arguments) {
  const auto fallback = arguments.find(0, "default_value");
  const bool also_false = arguments.bool_or(1, "boolean", false);
  arguments.finish(2, "default");
  if (!input.is_undefined() && (!also_false || is_true(input))) {
    return input;
  }
  return fallback ? *fallback : Value::text("");
}

Value to_json(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  JsonStyle style;
  style.ensure_ascii = arguments.bool_or(0, "ensure_ascii", false);
  const auto indent = arguments.find(1, "indent");
  const auto separators = arguments.find(2, "separators");
  style.sort_keys = arguments.bool_or(3, "sort_keys", false);
  arguments.finish(4, "tojson");
  if (indent && !indent->is_none()) {
    if (indent->is_text()) {
      style.indent = std::string(indent->as_text());
    } else if (indent->is_integral() && indent->as_integer() < 1000) {
      style.indent = std::string(static_cast<std::size_t>(std::max<std::int64_t>(indent->as_integer(), 0)), ' ');
    } else {
      fail("'tojson' takes an indent as text or as a number below 1000");
    }
    style.item_separator = ",";
  }
  if (separators && !separators->is_none()) {
    const List& pair = evaluator.items_of(*separators);
    if (pair.items.size() != 2 || !pair.items[0].is_text() || !pair.items[1].is_text()) {
      fail("'tojson' takes two separators, such as (',', ':')");
    }
    style.item_separator = pair.items[0].as_text();
    style.key_separator = pair.items[1].as_text();
  }
  std::string out;
  append_json(evaluator.heap(), out, input, style);
  return evaluator.heap().text(std::move(out));
}

Value to_integer(Evaluator& evaluator, const Value& input, Arguments& arguments) {
  const auto fallback = arguments.find(0, "default");
  const std::int64_t base = arguments.integer_or(1, "base", 10);
  arguments.finish(2, "int");
  const Value otherwise = fallback ? *fallback : Value::integer(0);
  if (input.is_text()) {
    if (const auto number = parse_python_integer(input.as_text(), base)) {
      return Value::integer(*number);
    }
  } else if (input.is_integral()) {
    return Value::integer(input.as_integer());
  } else if (input.is_undefined()) {
    fail(undefined_message(input));
  }
  const auto real = input.is_text() ? parse_python_real(input.as_text())
                                    : (input.is_number() ? std::optional(input.as_real()) : std::nullopt);
  if (!real || !std::isfinite(*real)) {
    return otherwise;
  }
  if (std::abs(*real) >= 9.2e18) {
    fail("a number becomes larger than 64 bits hold");
  }
  (void)evaluator;
  return Value::integer(static_cast<std::int64_t>(*real));
}

Value to_real(Evaluator& /*evaluator*/, const Value& input, Arguments& arguments) {
  const auto fallback = arguments.find(0, "default");
  arguments.finish(1, "float");
  if (input.is_undefined()) {
    fail(undefined_message(input));
  }
  if (input.is_number()) {
    return Value::real(input.as_real());
  }
  const auto real = input.is_text() ? parse_python_real(input.as_text()) : std::nullopt;
  return real ? Value::real(*real) : (fallback ? *fallback : Value::real(0));
}

Value absolute(Evaluator& evaluator, const Value& input, Arguments& /*arguments*/) {
  if (!input.is_number()) {
    fail("'abs' takes a number, not '" + std::string(type_name(input)) + "'");
  }
  if (input.is(Kind::kFloat)) {
    return Value::real(std::abs(input.as_real()));
  }
  return input.as_integer() < 0 ? apply(evaluator, Operator::kSubtract, Value::integer(0), input)
                                : Value::integer(input.as_integer());
}

Value rounded(Evaluator& /*evaluator*/, const Value& input, Arguments& arguments) {
  const std::int64_t precision = arguments.integer_or(0, "precision", 0);
  const auto method = arguments.find(1, "method");
  arguments.finish(2, "round");
  const std::string_view how = method && method->is_text() ? method->as_text() : "common";
  if (!input.is_number() || std::abs(precision) > 300) {
    fail("'round' takes a number and a precision below 300");
  }
  if (how == "common") {
    return input.is_integral() && precision >= 0
               ? Value::integer(input.as_integer())
               : Value::real(round_half_even(input.as_real(), static_cast<int>(precision)));
  }
  if (how != "ceil" && how != "floor") {
    fail("'round' knows the methods common, ceil and floor");
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.as_real() * scale;
  return Value::real((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

constexpr std::array<std::pair<std::string_view, FilterFunction>, 24> kFilters = {{
    {"trim", trim},
    {"tojson", to_json},
    {"lower", changed<to_lower>},
    {"upper", changed<to_upper>},
    {"title", changed<titled>},
    {"capitalize", changed<to_capitalized>},
    {"string", [](Evaluator& evaluator, const Value& input, Arguments&) { return evaluator.text_of(input); }},
    {"safe", safe},
    {"replace", replace},
    {"default", default_value},
    {"d", default_value},
    {"indent", indent},
    {"center", center},
    {"truncate", truncate},
    {"escape", escape},
    {"e", escape},
    {"forceescape", force_escape},
    {"urlencode", changed<url_encoded>},
    {"wordcount", word_count},
    {"format", format},
    {"int", to_integer},
    {"float", to_real},
    {"abs", absolute},
    {"round", rounded},
}};

}  // namespace

FilterFunction find_text_filter(std::string_view name) {
  for (const auto& [known, function] : kFilters) {
    if (known == name) {
      return function;
    }
  }
  return nullptr;
}

}  // namespace luthier::text::jinja
