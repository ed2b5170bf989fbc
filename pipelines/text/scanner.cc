#include "pipelines/text/scanner.h"

#include <array>

#include "pipelines/text/unicode_classes.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

using Class = CharacterClass;

constexpr std::array<Class, 128> make_ascii_classes() {
  std::array<Class, 128> classes{};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    classes[i] = i >= 'a' && i <= 'z'                   ? Class::kLower
                 : i >= 'A' && i <= 'Z'                 ? Class::kUpper
                 : i >= '0' && i <= '9'                 ? Class::kNumber
                 : i == ' ' || (i >= '\t' && i <= '\r') ? Class::kWhiteSpace
                                                        : Class::kOther;
  }
  return classes;
}
constexpr std::array<Class, 128> kAsciiClasses = make_ascii_classes();

// One character of the text, or its end.
struct At {
  Class kind = Class::kOther;
  char ascii = '\0';       // '\0' for others, too
  std::size_t length = 0;  // 0: the end of the text
};

At look(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) {
    return {};
  }
  const char first = text[offset];
  if (static_cast<unsigned char>(first) < 0x80) {
    return {kAsciiClasses[static_cast<unsigned char>(first)], first, 1};
  }
  const DecodedCharacter character = decode_character(text, offset);
  return {class_of(character.code_point), '\0', character.length};
}

bool is_letter(Class kind) { return kind == Class::kUpper || kind == Class::kLower || kind == Class::kLetter; }
bool is_number(Class kind) { return kind == Class::kNumber; }
// Neither white space nor letter nor number.
bool is_symbol(Class kind) { return kind == Class::kOther || kind == Class::kMark; }
// What may stand at the beginning of a capitalised word, and at its end.
bool is_upper_part(Class kind) { return kind == Class::kUpper || kind == Class::kLetter || kind == Class::kMark; }
bool is_lower_part(Class kind) { return kind == Class::kLower || kind == Class::kLetter || kind == Class::kMark; }
bool is_line_break(char ascii) { return ascii == '\r' || ascii == '\n'; }

template <class Belongs>
std::size_t run_end(std::string_view text, std::size_t offset, const Belongs& belongs) {
  for (At at = look(text, offset); at.length > 0 && belongs(at.kind); at = look(text, offset)) {
    offset += at.length;
  }
  return offset;
}

// The end of an English contraction ('s, 'LL) at `offset`; `offset` when there is none.
std::size_t contraction_end(std::string_view text, std::size_t offset, bool any_case) {
  if (offset + 1 >= text.size() || text[offset] != '\'') {
    return offset;
  }
  const auto letter = [&](std::size_t i) {
    const char c = i < text.size() ? text[i] : '\0';
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(offset + 1);
  const char second = letter(offset + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return offset + 2;
  }
  if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l')) {
    return offset + 3;
  }
  const bool long_s = any_case && text.substr(offset + 1, 2) == "\xc5\xbf";  // U+017F folds to s
  return long_s ? offset + 3 : offset;
}

// White space at `begin` that no earlier alternative takes: `\s*[\r\n]+` where line breaks count, then `\s+(?!\S)`,
// then `\s+`.
std::size_t white_space_end(std::string_view text, std::size_t begin, bool line_breaks) {
  std::size_t end = begin;
  std::size_t last = begin;          // where the last character of the run begins
  std::size_t after_line_break = 0;  // the end of the last line break in the run
  for (At at = look(text, end); at.length > 0 && at.kind == Class::kWhiteSpace; at = look(text, end)) {
    last = end;
    end += at.length;
    after_line_break = is_line_break(at.ascii) ? end : after_line_break;
  }
  if (line_breaks && after_line_break > 0) {
    return after_line_break;
  }
  return end == text.size() || last == begin ? end : last;
}

std::size_t scan_gpt2(std::string_view text, std::size_t begin) {
  const At first = look(text, begin);
  if (first.ascii == '\'') {
    const std::size_t end = contraction_end(text, begin, false);
    if (end > begin) {
      return end;
    }
  }
  At start = first;
  std::size_t offset = begin;
  if (first.ascii == ' ') {
    offset += 1;
    start = look(text, offset);
  }
  if (start.length > 0) {
    if (is_letter(start.kind)) {
      return run_end(text, offset, is_letter);
    }
    if (is_number(start.kind)) {
      return run_end(text, offset, is_number);
    }
    if (is_symbol(start.kind)) {
      return run_end(text, offset, is_symbol);
    }
  }
  return white_space_end(text, begin, false);
}

std::size_t numbers_end(std::string_view text, std::size_t offset, int count_max) {
  for (At at = look(text, offset); count_max > 0 && at.length > 0 && is_number(at.kind); at = look(text, offset)) {
    offset += at.length;
    --count_max;
  }
  return offset;
}

// ` ?[^\s\p{L}\p{N}]+` and the line breaks (and slashes) after it; `begin` when it does not match.
std::size_t symbols_end(std::string_view text, std::size_t begin, At first, bool slashes) {
  const std::size_t from = first.ascii == ' ' ? begin + 1 : begin;
  std::size_t end = run_end(text, from, is_symbol);
  if (end == from) {
    return begin;
  }
  while (end < text.size() && (is_line_break(text[end]) || (slashes && text[end] == '/'))) {
    ++end;
  }
  return end;
}

template <int kNumbersMax>
std::size_t scan_cl100k(std::string_view text, std::size_t begin) {
  const At first = look(text, begin);
  if (is_letter(first.kind)) {
    return run_end(text, begin + first.length, is_letter);
  }
  if (is_number(first.kind)) {
    return numbers_end(text, begin, kNumbersMax);
  }
  if (first.ascii == '\'') {
    const std::size_t end = contraction_end(text, begin, true);
    if (end > begin) {
      return end;
    }
  }
  if (!is_line_break(first.ascii)) {
    const std::size_t end = run_end(text, begin + first.length, is_letter);
    if (end > begin + first.length) {
      return end;
    }
  }
  const std::size_t end = symbols_end(text, begin, first, false);
  return end > begin ? end : white_space_end(text, begin, true);
}

// [upper parts]*[lower parts]+ at `begin`; `begin` when it does not match.
std::size_t word_with_lower_end(std::string_view text, std::size_t begin) {
  const std::size_t upper_end = run_end(text, begin, is_upper_part);
  const std::size_t end = run_end(text, upper_end, is_lower_part);
  if (end > upper_end) {
    return end;
  }
  // The first run gives back until what it gave is a lower part: a letter without case, or a mark.
  for (std::size_t last = upper_end; last > begin;) {
    const std::size_t before = previous_character(text, last);
    if (is_lower_part(look(text, before).kind)) {
      return last;
    }
    last = before;
  }
  return begin;
}

// [upper parts]+[lower parts]* at `begin`, which word_with_lower_end() does not match.
std::size_t word_of_upper_end(std::string_view text, std::size_t begin) { return run_end(text, begin, is_upper_part); }

template <int kNumbersMax, bool kContractions>
std::size_t scan_o200k(std::string_view text, std::size_t begin) {
  const At first = look(text, begin);
  const auto finish = [&](std::size_t end) { return kContractions ? contraction_end(text, end, true) : end; };
  // A word may begin with one character that is no letter, number or line break.
  const bool prefix = !is_letter(first.kind) && !is_number(first.kind) && !is_line_break(first.ascii);
  const std::size_t core = begin + first.length;
  if (prefix) {
    if (const std::size_t end = word_with_lower_end(text, core); end > core) {
      return finish(end);
    }
  }
  if (is_letter(first.kind) || first.kind == Class::kMark) {
    if (const std::size_t end = word_with_lower_end(text, begin); end > begin) {
      return finish(end);
    }
  }
  if (prefix) {
    if (const std::size_t end = word_of_upper_end(text, core); end > core) {
      return finish(end);
    }
  }
  if (is_letter(first.kind)) {
    return finish(word_of_upper_end(text, begin));
  }
  if (is_number(first.kind)) {
    return numbers_end(text, begin, kNumbersMax);
  }
  const std::size_t end = symbols_end(text, begin, first, true);
  return end > begin ? end : white_space_end(text, begin, true);
}

}  // namespace

Scanner find_scanner(std::string_view pattern) {
  const std::pair<std::string_view, Scanner> kScanners[] = {
      {kGpt2Pattern, scan_gpt2},
      {kCl100kPattern, scan_cl100k<3>},
      {kQwen2Pattern, scan_cl100k<1>},
      {kO200kPattern, scan_o200k<3, true>},
      {kTekkenPattern, scan_o200k<1, false>},
  };
  for (const auto& [known, scanner] : kScanners) {
    if (pattern == known) {
      return scanner;
    }
  }
  return nullptr;
}

}  // namespace luthier::text
