// Methods of text that give text, lists or numbers.
#include <algorithm>
#include <array>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/text_work.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

std::string_view text_argument(const Value& value, std::string_view what) {
  if (!value.is_text()) {
    fail("'" + std::string(what) + "' takes text, not '" + std::string(type_name(value)) + "'");
  }
  return value.as_text();
}

template <std::string (*change)(std::string_view)>
Value changed(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  arguments.finish(0, "this method");
  evaluator.heap().scan(self.as_text().size());
  return evaluator.heap().text(change(self.as_text()));
}

template <Side side>
Value stripped(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const auto characters = arguments.find(0, "chars");
  arguments.finish(1, "strip");
  evaluator.heap().scan(self.as_text().size());
  if (!characters || characters->is_none()) {
    return Value::text(strip(self.as_text(), side));
  }
  const std::string_view unwanted = text_argument(*characters, "strip");
  evaluator.heap().step(1 + unwanted.size() * self.as_text().size() / 32);
  return Value::text(strip(self.as_text(), unwanted, side));
}

// Runs of spaces separate; at most `splits` of them. What is left then keeps the spaces at its far end.
std::vector<Value> split_spaces(std::string_view text, std::size_t splits) {
  std::vector<Value> parts;
  for (text = strip(text, Side::kLeft); !text.empty(); text = strip(text, Side::kLeft)) {
    std::size_t cut = parts.size() < splits ? 0 : text.size();
    while (cut < text.size()) {
      std::size_t next = cut;
      if (is_space(next_character(text, next))) {
        break;
      }
      cut = next;
    }
    parts.push_back(Value::text(text.substr(0, cut)));
    text.remove_prefix(cut);
  }
  return parts;
}

std::vector<Value> split_spaces_from_right(std::string_view text, std::size_t splits) {
  std::vector<Value> parts;
  for (text = strip(text, Side::kRight); !text.empty(); text = strip(text, Side::kRight)) {
    std::size_t cut = parts.size() < splits ? text.size() : 0;
    while (cut > 0) {
      std::size_t previous = cut - 1;
      while (previous > 0 && (static_cast<unsigned char>(text[previous]) & 0xC0U) == 0x80) {
        --previous;
      }
      std::size_t behind = previous;
      if (is_space(next_character(text, behind))) {
        break;
      }
      cut = previous;
    }
    parts.push_back(Value::text(text.substr(cut)));
    text = text.substr(0, cut);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Value> split_at(std::string_view text, std::string_view separator, std::size_t splits, bool from_right) {
  std::vector<Value> parts;
  while (parts.size() < splits) {
    const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) {
      break;
    }
    if (from_right) {
      parts.push_back(Value::text(text.substr(at + separator.size())));
      text = text.substr(0, at);
    } else {
      parts.push_back(Value::text(text.substr(0, at)));
      text.remove_prefix(at + separator.size());
    }
  }
  parts.push_back(Value::text(text));
  if (from_right) {
    std::reverse(parts.begin(), parts.end());
  }
  return parts;
}

template <bool from_right>
Value split(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const auto separator = arguments.find(0, "sep");
  const std::int64_t splits_max = arguments.integer_or(1, "maxsplit", -1);
  arguments.finish(2, "split");
  const std::size_t splits = splits_max < 0 ? SIZE_MAX : static_cast<std::size_t>(splits_max);
  evaluator.heap().scan(self.as_text().size());
  evaluator.heap().need(self.as_text().size() * sizeof(Value));
  if (!separator || separator->is_none()) {
    return evaluator.heap().list_value(from_right ? split_spaces_from_right(self.as_text(), splits)
                                                  : split_spaces(self.as_text(), splits));
  }
  const std::string_view at = text_argument(*separator, "split");
  if (at.empty()) {
    fail("'split' needs a separator that is not empty");
  }
  return evaluator.heap().list_value(split_at(self.as_text(), at, splits, from_right));
}

Value split_into_lines(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const bool keep_ends = arguments.bool_or(0, "keepends", false);
  arguments.finish(1, "splitlines");
  evaluator.heap().scan(self.as_text().size());
  std::vector<Value> lines;
  for (const std::string_view line : split_lines(self.as_text(), keep_ends)) {
    lines.push_back(Value::text(line));
  }
  return evaluator.heap().list_value(std::move(lines));
}

// The part of `self` that `start` and `end` (arguments 1 and 2) leave, and how many characters come before it.
// Nothing when start is behind the end.
struct Range {
  std::string_view text;
  std::size_t before = 0;
};
std::optional<Range> range_of(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  evaluator.heap().scan(self.as_text().size());
  const auto start = arguments.find(1, "start");
  const auto end = arguments.find(2, "end");
  arguments.finish(3, "this method");
  if (!start && !end) {
    return Range{self.as_text(), 0};
  }
  const auto count = static_cast<std::int64_t>(count_characters(self.as_text()));
  const auto place = [&](const std::optional<Value>& given, std::int64_t fallback) {
    std::int64_t at = given && given->is_integral() ? given->as_integer() : fallback;
    at = at < 0 ? std::max<std::int64_t>(at + count, 0) : at;
    return at;
  };
  const std::int64_t first = place(start, 0);
  const std::int64_t last = std::min(place(end, count), count);
  if (first > count || first > last) {
    return std::nullopt;
  }
  const std::size_t from = offset_of_character(self.as_text(), static_cast<std::size_t>(first));
  const std::size_t to = offset_of_character(self.as_text(), static_cast<std::size_t>(last));
  return Range{self.as_text().substr(from, to - from), static_cast<std::size_t>(first)};
}

template <bool at_end>
Value starts(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value wanted = arguments.require(0, "prefix", at_end ? "endswith" : "startswith");
  const auto range = range_of(evaluator, self, arguments);
  const auto matches = [&](const Value& value) {
    const std::string_view text = text_argument(value, at_end ? "endswith" : "startswith");
    return range && (at_end ? range->text.ends_with(text) : range->text.starts_with(text));
  };
  if (wanted.is(Kind::kList) && wanted.as_list().kind == ListKind::kTuple) {
    const auto& any = wanted.as_list().items;
    return Value::boolean(std::any_of(any.begin(), any.end(), matches));
  }
  return Value::boolean(matches(wanted));
}

template <bool from_right, bool must_exist>
Value find(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value sought = arguments.require(0, "sub", "find");
  const std::string_view wanted = text_argument(sought, "find");
  const auto range = range_of(evaluator, self, arguments);
  const std::size_t at =
      !range ? std::string_view::npos : (from_right ? range->text.rfind(wanted) : range->text.find(wanted));
  if (at == std::string_view::npos) {
    if (must_exist) {
      fail("'index' did not find its text");
    }
    return Value::integer(-1);
  }
  return Value::integer(static_cast<std::int64_t>(range->before + count_characters(range->text.substr(0, at))));
}

Value count(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value sought = arguments.require(0, "sub", "count");
  const std::string_view wanted = text_argument(sought, "count");
  const auto range = range_of(evaluator, self, arguments);
  std::int64_t found = 0;
  if (range && wanted.empty()) {
    found = static_cast<std::int64_t>(count_characters(range->text)) + 1;
  } else if (range) {
    for (std::size_t at = range->text.find(wanted); at != std::string_view::npos;
         at = range->text.find(wanted, at + wanted.size())) {
      ++found;
    }
  }
  return Value::integer(found);
}

Value replace(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value old = arguments.require(0, "old", "replace");
  const Value fresh = arguments.require(1, "new", "replace");
  const std::int64_t times = arguments.integer_or(2, "count", -1);
  arguments.finish(3, "replace");
  return replaced(evaluator.heap(), self.as_text(), text_argument(old, "replace"), text_argument(fresh, "replace"),
                  times);
}

Value join(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value items = arguments.require(0, "iterable", "join");
  arguments.finish(1, "join");
  TextBuilder text(evaluator.heap());
  bool is_first = true;
  for (const Value& item : evaluator.items_of(items).items) {
    evaluator.heap().step();
    text.add(is_first ? "" : self.as_text());
    text.add(text_argument(item, "join"));
    is_first = false;
  }
  return text.finish();
}

template <bool at_end>
Value without(Evaluator& /*evaluator*/, const Value& self, Arguments& arguments) {
  const Value unwanted = arguments.require(0, "prefix", at_end ? "removesuffix" : "removeprefix");
  const std::string_view text = self.as_text();
  const std::string_view part = text_argument(unwanted, "removeprefix");
  if (part.empty() || !(at_end ? text.ends_with(part) : text.starts_with(part))) {
    return self;
  }
  return Value::text(at_end ? text.substr(0, text.size() - part.size()) : text.substr(part.size()));
}

template <bool from_right>
Value partition(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value separator = arguments.require(0, "sep", "partition");
  const std::string_view wanted = text_argument(separator, "partition");
  if (wanted.empty()) {
    fail("'partition' needs a separator that is not empty");
  }
  const std::string_view text = self.as_text();
  evaluator.heap().scan(text.size());
  const std::size_t at = from_right ? text.rfind(wanted) : text.find(wanted);
  const Value none = Value::text("");
  if (at == std::string_view::npos) {
    return evaluator.heap().list_value(
        from_right ? std::vector<Value>{none, none, self} : std::vector<Value>{self, none, none}, ListKind::kTuple);
  }
  return evaluator.heap().list_value(
      {Value::text(text.substr(0, at)), separator, Value::text(text.substr(at + wanted.size()))}, ListKind::kTuple);
}

template <Alignment alignment>
Value justified(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const Value width = arguments.require(0, "width", "ljust");
  const auto fill = arguments.find(1, "fillchar");
  arguments.finish(2, "ljust");
  const std::string_view character = fill ? text_argument(*fill, "ljust") : " ";
  if (!width.is_integral() || count_characters(character) != 1) {
    fail("this method takes a width and one character");
  }
  return padded(evaluator.heap(), self.as_text(), width.as_integer(), character, alignment);
}

Value zero_filled(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  const std::int64_t width = arguments.integer_or(0, "width", 0);
  std::string_view text = self.as_text();
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const Value digits =
      padded(evaluator.heap(), has_sign ? text.substr(1) : text, has_sign ? width - 1 : width, "0", Alignment::kRight);
  return has_sign ? evaluator.heap().text(std::string(text.substr(0, 1)) + std::string(digits.as_text())) : digits;
}

Value format(Evaluator& evaluator, const Value& self, Arguments& arguments) {
  return format_braces(evaluator, self.as_text(), arguments);
}

constexpr std::array<std::pair<std::string_view, Native>, 30> kMethods = {{
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", split_into_lines},
    {"strip", stripped<Side::kBoth>},
    {"lstrip", stripped<Side::kLeft>},
    {"rstrip", stripped<Side::kRight>},
    {"startswith", starts<false>},
    {"endswith", starts<true>},
    {"replace", replace},
    {"lower", changed<to_lower>},
    {"upper", changed<to_upper>},
    {"title", changed<to_title>},
    {"capitalize", changed<to_capitalized>},
    {"swapcase", changed<to_swapped>},
    {"casefold", changed<to_casefolded>},
    {"join", join},
    {"find", find<false, false>},
    {"rfind", find<true, false>},
    {"index", find<false, true>},
    {"rindex", find<true, true>},
    {"count", count},
    {"removeprefix", without<false>},
    {"removesuffix", without<true>},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"ljust", justified<Alignment::kLeft>},
    {"rjust", justified<Alignment::kRight>},
    {"center", justified<Alignment::kCenter>},
    {"zfill", zero_filled},
    {"format", format},
}};

}  // namespace

Native find_text_method(std::string_view name) {
  for (const auto& [known, method] : kMethods) {
    if (known == name) {
      return method;
    }
  }
  return nullptr;
}

}  // namespace luthier::text::jinja
