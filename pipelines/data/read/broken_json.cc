#include "pipelines/data/read/broken_json.h"

#include <algorithm>

#include "pipelines/text/utf8.h"

namespace luthier::data::read {
namespace {

struct Fault {
  std::size_t at = 0;
  std::string code;
  std::string message;
};

constexpr std::string_view kSpace = " \t\r\n";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A strict parser that knows why people's JSON breaks. Each function gives false once `fault` is set.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Fault fault;

  // The whole text as one value; true when nothing is wrong with it.
  bool scan() {
    skip_space();
    if (!value(0)) {
      return false;
    }
    skip_space();
    if (at_ == text_.size()) {
      return true;
    }
    switch (text_[at_]) {
      case ',':
        return fail(at_, "json_trailing_comma", "a comma after the record; between lines there is none: remove it");
      case '{': return fail(at_, "json_extra", "a second record on the same line; begin a new line before it");
      default: return after_value("the record ends before this");
    }
  }

 private:
  bool fail(std::size_t at, std::string code, std::string message) {
    fault = {at, std::move(code), std::move(message)};
    return false;
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char here() const { return at_end() ? '\0' : text_[at_]; }
  [[nodiscard]] bool here_is(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }

  bool unfinished(std::size_t opening, const char* closing) {
    return fail(at_, "json_unfinished",
                std::string("the record ends without the ") + closing + " for byte " + std::to_string(opening + 1) +
                    "; was it cut, or does it go on on the next line? Write each record on one line");
  }

  bool value(std::size_t depth) {
    if (depth > kJsonDepthMax) {
      return fail(at_, "json_depth", "nested more than " + std::to_string(kJsonDepthMax) + " deep");
    }
    switch (here()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': return string();
      default: return scalar();
    }
  }

  bool object(std::size_t depth) {
    const std::size_t opening = at_++;
    skip_space();
    if (here() == '}') {
      ++at_;
      return true;
    }
    while (true) {
      if (here() != '"') {
        return name_expected(opening);
      }
      if (!string()) {
        return false;
      }
      skip_space();
      if (here() != ':') {
        return at_end() ? unfinished(opening, "}") : after_value("a colon is missing after this name");
      }
      ++at_;
      skip_space();
      if (!value(depth + 1)) {
        return false;
      }
      if (!separator(opening, '}', "}")) {
        return false;
      }
      if (closed_) {
        return true;
      }
    }
  }

  bool array(std::size_t depth) {
    const std::size_t opening = at_++;
    skip_space();
    if (here() == ']') {
      ++at_;
      return true;
    }
    while (true) {
      if (!value(depth + 1) || !separator(opening, ']', "]")) {
        return false;
      }
      if (closed_) {
        return true;
      }
    }
  }

  // After a member: the closing bracket (closed_), or a comma and the start of the next member.
  bool separator(std::size_t opening, char closing, const char* closing_text) {
    skip_space();
    closed_ = here() == closing;
    if (closed_) {
      ++at_;
      return true;
    }
    if (at_end()) {
      return unfinished(opening, closing_text);
    }
    if (here() != ',') {
      return after_value(std::string("a comma or ") + closing_text + " is missing here");
    }
    const std::size_t comma = at_++;
    skip_space();
    if (here() == '}' || here() == ']') {
      return fail(comma, "json_trailing_comma", std::string("a comma before ") + here() + " is not JSON; remove it");
    }
    return at_end() ? unfinished(opening, closing_text) : true;
  }

  // Something else than punctuation follows a value. After a text it is mostly a quote inside it.
  bool after_value(const std::string& otherwise) {
    if (last_string_end_ != 0 && text_.find_first_not_of(kSpace, last_string_end_) == at_) {
      const std::size_t next_quote = text_.find('"', at_);
      const bool a_name = here() == '"' && is_followed_by_colon(at_);
      if (a_name) {
        return fail(at_, "json_missing_comma", "a comma is missing before this name");
      }
      if (next_quote != std::string_view::npos) {
        return fail(last_string_end_ - 1, "json_unescaped_quote",
                    "this quote ends the text, but the text goes on; write \\\" for a quote inside a text");
      }
    }
    if (here() == '"' || here() == '{' || here() == '[') {
      return fail(at_, "json_missing_comma", "a comma is missing before this");
    }
    if (here() == '/' || here() == '#') {
      return fail(at_, "json_comment", "JSON has no comments; remove it");
    }
    return fail(at_, "json_invalid", otherwise);
  }

  bool is_followed_by_colon(std::size_t quote) const {
    const std::size_t closing = text_.find('"', quote + 1);
    const std::size_t next = closing == std::string_view::npos ? closing : text_.find_first_not_of(kSpace, closing + 1);
    return next != std::string_view::npos && text_[next] == ':';
  }

  bool name_expected(std::size_t opening) {
    if (at_end()) {
      return unfinished(opening, "}");
    }
    if (here() == '\'' || here_is("\xe2\x80\x9c") || here_is("\xe2\x80\x9d") || here() == '/' || here() == '#') {
      return scalar();
    }
    return fail(
        at_, "json_invalid",
        is_letter(here()) ? "a name without quotes; write \"name\": …" : "a name in double quotes must stand here");
  }

  bool scalar() {
    for (const std::string_view word : {"true", "false", "null"}) {
      if (here_is(word)) {
        at_ += word.size();
        return true;
      }
    }
    if (is_digit(here()) || (here() == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      return number();
    }
    for (const std::string_view word : {"None", "True", "False", "NaN", "Infinity", "-Infinity", "nan", "undefined"}) {
      if (here_is(word)) {
        return fail(at_, "json_python_value",
                    std::string(word) + " is not JSON; write " +
                        (word == "True"    ? "true"
                         : word == "False" ? "false"
                                           : "null") +
                        (word == "None" || word == "True" || word == "False"
                             ? ", or write the file with json.dumps instead of print"
                             : ""));
      }
    }
    if (here() == '\'') {
      return fail(at_, "json_single_quotes",
                  "JSON wants double quotes; this looks like a Python dict: write the file with json.dumps");
    }
    if (here_is("\xe2\x80\x9c") || here_is("\xe2\x80\x9d")) {
      return fail(at_, "json_typographic_quotes", "a typographic quote, as word processors make it; write a plain \"");
    }
    if (here() == '/' || here() == '#') {
      return fail(at_, "json_comment", "JSON has no comments; remove it");
    }
    if (here_is("\xef\xbb\xbf")) {
      return fail(at_, "json_invalid",
                  "an invisible byte order mark (EF BB BF), as joining files leaves in their middle; remove it");
    }
    return at_end() ? fail(at_, "json_unfinished", "the record ends where a value must stand; was it cut?")
                    : fail(at_, "json_invalid",
                           is_letter(here()) ? "text must stand in double quotes" : "a value must stand here");
  }

  bool number() {
    const std::size_t begin = at_;
    at_ += here() == '-' ? 1 : 0;
    const bool zero = here() == '0';
    skip_digits();
    if (zero && at_ - begin > (text_[begin] == '-' ? 2U : 1U)) {
      return fail(begin, "json_invalid", "a number must not begin with 0; put it in quotes if it is a code");
    }
    if (here() == '.' && !((void)++at_, skip_digits())) {
      return fail(at_, "json_invalid", "digits must follow the point of a number");
    }
    if (here() == 'e' || here() == 'E') {
      ++at_;
      at_ += here() == '+' || here() == '-' ? 1 : 0;
      if (!skip_digits()) {
        return fail(at_, "json_invalid", "digits must follow the e of a number");
      }
    }
    return true;
  }

  bool skip_digits() {
    const std::size_t begin = at_;
    while (is_digit(here())) {
      ++at_;
    }
    return at_ > begin;
  }

  bool string() {
    const std::size_t opening = at_++;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == '"') {
        last_string_end_ = ++at_;
        return true;
      }
      if (c == '\\') {
        const bool unicode = at_ + 1 < text_.size() && text_[at_ + 1] == 'u';
        if (at_ + (unicode ? 6 : 2) > text_.size()) {
          break;  // cut within the escape
        }
        if (!escape()) {
          return false;
        }
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return fail(at_, "json_control_character",
                    c == '\n' || c == '\r' ? "a line end inside a text; write \\n"
                    : c == '\t'            ? "a tab inside a text; write \\t"
                                           : "a control character inside a text; remove it or write it as \\u00XX");
      }
      ++at_;
    }
    return fail(opening, "json_unfinished",
                "the text that begins here is never closed; was the record cut, or does it go on on the next line? "
                "Write each record on one line, with \\n for a line end in a text");
  }

  bool escape() {
    const char c = text_[at_ + 1];
    if (c == 'u') {
      return unicode_escape();
    }
    if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
      return fail(at_, "json_escape",
                  c == '\'' ? "\\' is not JSON; write ' alone"
                            : "this escape is not JSON; write \\\\ for a backslash (in paths, LaTeX and patterns)");
    }
    at_ += 2;
    return true;
  }

  // The value of XXXX in \uXXXX at `at`, or -1.
  [[nodiscard]] int code_unit(std::size_t at) const {
    if (text_.substr(at, 2) != "\\u" || at + 6 > text_.size()) {
      return -1;
    }
    int value = 0;
    for (const char c : text_.substr(at + 2, 4)) {
      const std::size_t digit =
          std::string_view("0123456789abcdef").find(static_cast<char>(is_letter(c) ? c | 0x20 : c));
      if (digit == std::string_view::npos) {
        return -1;
      }
      value = value * 16 + static_cast<int>(digit);
    }
    return value;
  }

  bool unicode_escape() {
    const int first = code_unit(at_);
    if (first < 0) {
      return fail(at_, "json_escape", "four hexadecimal digits must follow \\u");
    }
    if (first < 0xd800 || first > 0xdfff) {
      at_ += 6;
      return true;
    }
    const int second = first < 0xdc00 ? code_unit(at_ + 6) : -1;
    if (second < 0xdc00 || second > 0xdfff) {
      return fail(
          at_, "json_surrogate",
          "half of a character: a text was cut in the middle of an emoji or the like; remove it, or cut by characters");
    }
    at_ += 12;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t last_string_end_ = 0;  // behind the last string's closing quote
  bool closed_ = false;
};

Problem problem_at(std::string_view text, const Origin& origin, std::size_t at, std::string code, std::string message) {
  const std::string_view before = text.substr(0, at);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const auto column =
      lines == 0 ? origin.column + static_cast<std::int64_t>(at) : static_cast<std::int64_t>(at - newline);
  return {std::move(code), Severity::kError, origin.file, origin.line + lines, column, std::move(message)};
}

}  // namespace

BrokenJson diagnose(std::string_view text, const Origin& origin) {
  BrokenJson broken;
  if (const auto invalid = text::find_invalid_utf8(text)) {
    broken.problem =
        problem_at(text, origin, *invalid, "not_utf8",
                   "this byte is not UTF-8; save the file as UTF-8, or: iconv -f WINDOWS-1252 -t UTF-8 " + origin.file);
    return broken;
  }
  Scanner scanner(text);
  if (!scanner.scan()) {
    broken.problem = problem_at(text, origin, scanner.fault.at, scanner.fault.code, scanner.fault.message);
    return broken;
  }
  // Numbers beyond 64 bits. Depth is checked above; nlohmann's exceptions stop here.
  try {
    Json value = Json::parse(text);
    if (value.is_object()) {
      broken.value = std::move(value);
    } else {
      broken.problem = not_an_object(text, origin);
    }
  } catch (const Json::exception& error) {
    broken.problem = problem_at(text, origin, 0, "json_invalid", std::string("this is not JSON: ") + error.what());
  }
  return broken;
}

Problem not_an_object(std::string_view text, const Origin& origin) {
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const char first = begin < text.size() ? text[begin] : '\0';
  const std::string what = first == '[' ? "an array" : first == '"' ? "a text" : "a value without name";
  return problem_at(text, origin, begin, "data_type",
                    "a record must be an object like {\"messages\": […]}, and this is " + what);
}

namespace {

std::optional<JoinedRecord> join_lines(const Batch& batch, std::size_t first) {
  constexpr std::size_t kLinesMax = 10'000;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = first; i < batch.records.size() && i - first < kLinesMax; ++i) {
    const std::string_view line = batch.text_of(batch.records[i]);
    for (std::size_t at = 0; at < line.size(); ++at) {
      const char c = line[at];
      if (in_string) {
        at += c == '\\' ? 1 : 0;
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) {
          return std::nullopt;
        }
        --depth;
      }
    }
    if (depth > 0 || in_string) {
      continue;
    }
    const std::size_t begin = batch.records[first].begin;
    JoinedRecord joined{i, batch.bytes.substr(begin, batch.records[i].begin + batch.records[i].size - begin)};
    std::replace_if(
        joined.text.begin(), joined.text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return i > first && Scanner(joined.text).scan() ? std::optional(std::move(joined)) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<JoinedRecord> LineJoiner::join(const Batch& batch, std::size_t first) {
  constexpr int kFailuresMax = 20;
  if (batch.number != batch_) {
    batch_ = batch.number;
    failures_ = 0;
  }
  if (failures_ == kFailuresMax) {
    return std::nullopt;
  }
  auto joined = join_lines(batch, first);
  failures_ += joined ? 0 : 1;
  return joined;
}

bool may_go_on(const Problem& problem) { return problem.code == "json_unfinished"; }

Problem over_lines(const Batch& batch, std::size_t first, const JoinedRecord& joined, const std::string& file) {
  const std::int64_t line = batch.records[first].line;
  return {"json_over_lines",
          Severity::kError,
          file,
          line,
          0,
          "this record goes on to line " + std::to_string(batch.records[joined.last].line) +
              "; write each record on one line, with \\n for a line end in a text"};
}

}  // namespace luthier::data::read
