#include "pipelines/text/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/literals.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

constexpr std::size_t kTokensMax = 200'000;

class Lexer {
 public:
  Lexer(std::string_view source, std::uint32_t& offset) : source_(source), offset_(offset) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      read_data();
    }
    begin();
    push(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  // A tag that begins in plain text: its kind, where it is, and the sign behind its opening.
  struct Tag {
    std::size_t at;
    char kind;                           // '%', '{', '#'
    char sign;                           // '-', '+' or none
    std::optional<std::size_t> raw_end;  // {% raw %}: where the raw text begins
  };

  void begin() { offset_ = static_cast<std::uint32_t>(at_); }

  Token& push(TokenKind kind, std::string text = {}) {
    if (tokens_.size() >= kTokensMax) {
      fail_bound("the template has more than " + std::to_string(kTokensMax) + " tokens");
    }
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.offset = offset_;
    token.text = std::move(text);
    return token;
  }

  [[nodiscard]] bool starts_with(std::string_view text, std::size_t at) const {
    return source_.substr(std::min(at, source_.size())).starts_with(text);
  }
  [[nodiscard]] std::size_t skip_spaces(std::size_t at) const {
    while (at < source_.size()) {
      std::size_t next = at;
      if (!is_space(next_character(source_, next))) {
        break;
      }
      at = next;
    }
    return at;
  }

  // Behind `{%- raw -%}` and the like.
  [[nodiscard]] std::optional<std::size_t> end_of_raw_tag(std::size_t at) const {
    at = skip_spaces(at);
    if (!starts_with("raw", at)) {
      return std::nullopt;
    }
    at = skip_spaces(at + 3);
    if (starts_with("-%}", at)) {
      return skip_spaces(at + 3);
    }
    return starts_with("%}", at) ? std::optional(at + 2) : std::nullopt;
  }

  [[nodiscard]] std::optional<Tag> find_tag(std::size_t from) const {
    for (std::size_t at = source_.find('{', from); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      const char kind = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (kind != '%' && kind != '{' && kind != '#') {
        continue;
      }
      const char next = at + 2 < source_.size() ? source_[at + 2] : '\0';
      Tag tag{at, kind, next == '-' || next == '+' ? next : '\0', std::nullopt};
      if (kind == '%') {
        tag.raw_end = end_of_raw_tag(at + 2 + (tag.sign != '\0' ? 1 : 0));
      }
      return tag;
    }
    return std::nullopt;
  }

  // What remains of `text` before a tag with `sign`; `strips_blocks`: spaces between a line's start and the tag go.
  [[nodiscard]] std::string_view trimmed(std::string_view text, char sign, bool strips_blocks) const {
    if (sign == '-') {
      return strip(text, Side::kRight);
    }
    if (sign == '+' || !strips_blocks) {
      return text;
    }
    const std::size_t line = text.rfind('\n') + 1;  // 0 when there is none
    if ((line > 0 || line_starting_) && strip(text.substr(line)).empty()) {
      return text.substr(0, line);
    }
    return text;
  }

  void push_data(std::string_view data) {
    if (!data.empty()) {
      push(TokenKind::kData, std::string(data));
    }
  }

  void read_data() {
    const std::optional<Tag> tag = find_tag(at_);
    begin();
    if (!tag) {
      push_data(source_.substr(at_));
      at_ = source_.size();
      return;
    }
    push_data(trimmed(source_.substr(at_, tag->at - at_), tag->sign, tag->kind != '{'));
    at_ = tag->at;
    begin();
    line_starting_ = false;
    if (tag->raw_end) {
      line_starting_ = source_[*tag->raw_end - 1] == '\n';
      at_ = *tag->raw_end;
      read_raw();
      return;
    }
    at_ += tag->sign != '\0' ? 3 : 2;
    if (tag->kind == '#') {
      read_comment();
    } else {
      read_code(tag->kind == '%');
    }
  }

  // Behind a tag's end: `trims` takes one line end.
  void end_tag(std::size_t end, bool strips, bool trims) {
    at_ = end;
    if (strips) {
      at_ = skip_spaces(at_);
    } else if (trims && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    line_starting_ = source_[at_ - 1] == '\n';
  }

  void read_comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) {
      fail("this comment never ends: '#}' is missing");
    }
    const char sign = end > at_ ? source_[end - 1] : '\0';
    end_tag(end + 2, sign == '-', sign != '+');
  }

  void read_raw() {
    for (std::size_t at = source_.find("{%", at_); at != std::string_view::npos; at = source_.find("{%", at + 1)) {
      const char next = at + 2 < source_.size() ? source_[at + 2] : '\0';
      const char sign = next == '-' || next == '+' ? next : '\0';
      std::size_t end = skip_spaces(at + 2 + (sign != '\0' ? 1 : 0));
      if (!starts_with("endraw", end)) {
        continue;
      }
      end = skip_spaces(end + 6);
      const char last = starts_with("-%}", end) ? '-' : starts_with("+%}", end) ? '+' : '\0';
      end += last != '\0' ? 1 : 0;
      if (!starts_with("%}", end)) {
        continue;
      }
      push_data(trimmed(source_.substr(at_, at - at_), sign, true));
      end_tag(end + 2, last == '-', last != '+');
      return;
    }
    fail("{% raw %} never ends: {% endraw %} is missing");
  }

  // The end of a tag at at_: nothing when there is none. What is open ({, [, () keeps it from ending.
  [[nodiscard]] bool read_end(bool block) {
    if (!open_.empty()) {
      return false;
    }
    const std::string_view close = block ? "%}" : "}}";
    const bool strips = starts_with("-", at_) && starts_with(close, at_ + 1);
    const bool keeps = block && starts_with("+", at_) && starts_with(close, at_ + 1);
    if (!strips && !keeps && !starts_with(close, at_)) {
      return false;
    }
    push(block ? TokenKind::kBlockEnd : TokenKind::kPrintEnd);
    end_tag(at_ + close.size() + (strips || keeps ? 1 : 0), strips, block && !keeps);
    return true;
  }

  void read_code(bool block) {
    push(block ? TokenKind::kBlockBegin : TokenKind::kPrintBegin);
    const std::uint32_t opened = offset_;
    open_.clear();
    while (at_ < source_.size()) {
      begin();
      if (read_end(block)) {
        return;
      }
      const std::size_t spaces = skip_spaces(at_);
      if (spaces != at_) {
        at_ = spaces;
        continue;
      }
      read_token();
    }
    offset_ = opened;
    fail(block ? "this tag never ends: '%}' is missing" : "this tag never ends: '}}' is missing");
  }

  void read_token() {
    const char c = source_[at_];
    const std::size_t number = number_length(source_, at_);
    if (number > 0) {
      read_number(source_.substr(at_, number));
      at_ += number;
      return;
    }
    if (c == '\'' || c == '"') {
      std::size_t end = at_ + 1;
      while (end < source_.size() && source_[end] != c) {
        end += source_[end] == '\\' ? 2 : 1;
      }
      if (end >= source_.size()) {
        fail("this text never ends: its closing quote is missing");
      }
      push(TokenKind::kText, unescape(source_.substr(at_ + 1, end - at_ - 1)));
      at_ = end + 1;
      return;
    }
    if (!read_name()) {
      read_operator();
    }
  }

  void read_number(std::string_view text) {
    Token& token = push(TokenKind::kInteger);
    if (is_real(text)) {
      token.kind = TokenKind::kReal;
      token.real = parse_real(text);
    } else {
      token.integer = parse_integer(text);
    }
  }

  [[nodiscard]] bool read_name() {
    std::size_t end = at_;
    while (end < source_.size()) {
      std::size_t next = end;
      if (!is_word(next_character(source_, next))) {
        break;
      }
      end = next;
    }
    if (end == at_) {
      return false;
    }
    push(TokenKind::kName, std::string(source_.substr(at_, end - at_)));
    at_ = end;
    return true;
  }

  void read_operator() {
    for (const std::string_view two : {"//", "**", "==", "!=", ">=", "<="}) {
      if (starts_with(two, at_)) {
        push(TokenKind::kOperator, std::string(two));
        at_ += 2;
        return;
      }
    }
    const char c = source_[at_];
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) {
      std::size_t end = at_;
      (void)next_character(source_, end);
      fail("'" + std::string(source_.substr(at_, end - at_)) + "' has no meaning here");
    }
    if (c == '{' || c == '(' || c == '[') {
      open_ += c == '{' ? '}' : c == '(' ? ')' : ']';
    } else if (c == '}' || c == ')' || c == ']') {
      if (open_.empty() || open_.back() != c) {
        fail(open_.empty() ? std::string("'") + c + "' closes nothing"
                           : std::string("'") + c + "' where '" + open_.back() + "' is due");
      }
      open_.pop_back();
    }
    push(TokenKind::kOperator, std::string(1, c));
    ++at_;
  }

  std::string_view source_;
  std::uint32_t& offset_;
  std::size_t at_ = 0;
  bool line_starting_ = true;
  std::string open_;  // the closing brackets that are due
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      i += i + 1 < source.size() && source[i + 1] == '\n' ? 1 : 0;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') {
    out.pop_back();
  }
  return out;
}

std::vector<Token> tokenize(std::string_view normalized_source, std::uint32_t& offset) {
  return Lexer(normalized_source, offset).run();
}

}  // namespace luthier::text::jinja
