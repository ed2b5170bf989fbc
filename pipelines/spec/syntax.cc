#include "pipelines/spec/syntax.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pipelines/spec/diagnostic.h"
#include "pipelines/spec/functions.h"

namespace luthier::spec {
namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Token {
  enum class Kind { kEnd, kNumber, kString, kName, kSymbol };
  Kind kind = Kind::kEnd;
  std::string text;
  nlohmann::json literal;
  int column = 1;
};

struct SyntaxError {
  std::string message;
  int column = 1;
};

// Recursive descent with one token of look-ahead. After the first error every rule returns at once.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view source) : source_(source) { advance(); }

  ParsedExpression parse() {
    if (source_.size() > kExpressionBytesMax) {
      return {{}, "the expression is longer than " + std::to_string(kExpressionBytesMax) + " bytes", 1};
    }
    if (!error_ && token_.kind == Token::Kind::kEnd) {
      return {{}, "the expression is empty", 1};
    }
    Expression root = binary(0, 0);
    if (!error_ && token_.kind != Token::Kind::kEnd) {
      fail("expected an operator or the end of the expression, got '" + token_.text + "'", token_.column);
    }
    if (error_) {
      return {{}, error_->message, error_->column};
    }
    return {std::move(root), "", 1};
  }

 private:
  void fail(std::string message, int column) {
    if (!error_) {
      error_ = SyntaxError{std::move(message), column};
    }
    token_ = Token{};
  }

  // --- tokens ---

  void advance() {
    while (offset_ < source_.size() && std::string_view(" \t\r\n").find(source_[offset_]) != std::string_view::npos) {
      ++offset_;
    }
    token_ = Token{};
    token_.column = static_cast<int>(offset_) + 1;
    if (offset_ >= source_.size()) {
      return;
    }
    const char c = source_[offset_];
    if (is_digit(c)) {
      number();
    } else if (c == '"' || c == '\'') {
      string(c);
    } else if (is_name_start(c)) {
      name();
    } else {
      symbol();
    }
  }

  void number() {
    const char* begin = source_.data() + offset_;
    const char* end = source_.data() + source_.size();
    const char* last = begin;
    while (last < end && (is_digit(*last) || *last == '.' || *last == 'e' || *last == 'E' ||
                          ((*last == '-' || *last == '+') && (last[-1] == 'e' || last[-1] == 'E')))) {
      ++last;
    }
    const std::string_view text(begin, static_cast<std::size_t>(last - begin));
    token_.kind = Token::Kind::kNumber;
    token_.text = text;
    offset_ += text.size();
    std::int64_t integer = 0;
    if (const auto result = std::from_chars(begin, last, integer); result.ec == std::errc{} && result.ptr == last) {
      token_.literal = integer;
      return;
    }
    double real = 0;
    const auto result = std::from_chars(begin, last, real);
    if (result.ec != std::errc{} || result.ptr != last || !std::isfinite(real)) {
      fail("'" + std::string(text) + "' is not a number", token_.column);
      return;
    }
    token_.literal = real;
  }

  void string(char quote) {
    std::string text;
    const int column = token_.column;
    for (++offset_; offset_ < source_.size() && source_[offset_] != quote; ++offset_) {
      char c = source_[offset_];
      if (c == '\\') {
        ++offset_;
        const char escaped = offset_ < source_.size() ? source_[offset_] : '\0';
        if (escaped == 'n') {
          c = '\n';
        } else if (escaped == 't') {
          c = '\t';
        } else if (escaped == '\\' || escaped == '"' || escaped == '\'') {
          c = escaped;
        } else {
          fail("unknown escape in a string; write \\\\, \\\", \\', \\n or \\t", static_cast<int>(offset_));
          return;
        }
      }
      text += c;
    }
    if (offset_ >= source_.size()) {
      fail("this string has no closing quote", column);
      return;
    }
    ++offset_;
    token_.kind = Token::Kind::kString;
    token_.text = text;
    token_.literal = std::move(text);
  }

  void name() {
    const std::size_t begin = offset_;
    while (offset_ < source_.size() &&
           (is_name_start(source_[offset_]) || is_digit(source_[offset_]) || (after_dot_ && source_[offset_] == '-'))) {
      ++offset_;
    }
    token_.kind = Token::Kind::kName;
    token_.text = source_.substr(begin, offset_ - begin);
  }

  void symbol() {
    static constexpr std::string_view kTwo[] = {"==", "!=", "<=", ">=", "&&", "||"};
    token_.kind = Token::Kind::kSymbol;
    for (const std::string_view two : kTwo) {
      if (source_.substr(offset_).starts_with(two)) {
        token_.text = two;
        offset_ += 2;
        return;
      }
    }
    if (std::string_view("<>!+-*/.[](),").find(source_[offset_]) == std::string_view::npos) {
      std::size_t length = 1;  // a whole character, so that the message stays UTF-8
      while (offset_ + length < source_.size() &&
             (static_cast<unsigned char>(source_[offset_ + length]) & 0xC0U) == 0x80U) {
        ++length;
      }
      const std::string found(source_.substr(offset_, length));
      fail("unexpected '" + found + "'" +
               (found == "="   ? "; compare with =="
                : found == "&" ? "; write &&"
                : found == "|" ? "; write ||"
                               : ""),
           token_.column);
      return;
    }
    token_.text = source_.substr(offset_, 1);
    ++offset_;
  }

  [[nodiscard]] bool at(std::string_view text) const {
    return token_.kind == Token::Kind::kSymbol && token_.text == text;
  }

  bool expect(std::string_view text, std::string_view where) {
    if (error_) {
      return false;
    }
    if (!at(text)) {
      fail("expected '" + std::string(text) + "' " + std::string(where), token_.column);
      return false;
    }
    advance();
    return !error_;
  }

  // --- rules ---

  Expression make(Expression::Kind kind, std::string text, int column, std::vector<Expression> children) {
    Expression node;
    node.kind = kind;
    node.text = std::move(text);
    node.column = column;
    for (const Expression& child : children) {
      node.depth = std::max(node.depth, child.depth + 1);
    }
    node.children = std::move(children);
    if (node.depth > kExpressionDepthMax) {
      fail("the expression is nested too deeply", column);
      node.children.clear();
    }
    return node;
  }

  static std::vector<Expression> list(Expression a) {
    std::vector<Expression> result;
    result.push_back(std::move(a));
    return result;
  }
  static std::vector<Expression> list(Expression a, Expression b) {
    std::vector<Expression> result = list(std::move(a));
    result.push_back(std::move(b));
    return result;
  }

  // All left-associative levels, weakest first.
  Expression binary(std::size_t level, int nesting) {
    static const std::vector<std::vector<std::string_view>> kLevels{
        {"||"}, {"&&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "/"}};
    if (level == kLevels.size()) {
      return unary(nesting);
    }
    Expression left = binary(level + 1, nesting);
    while (!error_ && std::any_of(kLevels[level].begin(), kLevels[level].end(),
                                  [this](std::string_view symbol) { return at(symbol); })) {
      const std::string symbol = token_.text;
      const int column = token_.column;
      advance();
      Expression right = binary(level + 1, nesting);
      left = make(Expression::Kind::kBinary, symbol, column, list(std::move(left), std::move(right)));
    }
    return left;
  }

  Expression unary(int nesting) {
    if (nesting > kExpressionDepthMax) {
      fail("the expression is nested too deeply", token_.column);
      return {};
    }
    if (at("!") || at("-")) {
      const std::string symbol = token_.text;
      const int column = token_.column;
      advance();
      return make(Expression::Kind::kUnary, symbol, column, list(unary(nesting + 1)));
    }
    return postfix(nesting);
  }

  Expression postfix(int nesting) {
    Expression node = primary(nesting);
    while (!error_ && (at(".") || at("["))) {
      if (at(".")) {
        after_dot_ = true;
        advance();
        after_dot_ = false;
        if (!error_ && token_.kind != Token::Kind::kName) {
          fail("expected a name after '.'", token_.column);
          return node;
        }
        const Token member = token_;
        advance();
        node = make(Expression::Kind::kMember, member.text, member.column, list(std::move(node)));
      } else {
        advance();
        const int column = token_.column;
        Expression index = binary(0, nesting + 1);
        expect("]", "after the index");
        node = make(Expression::Kind::kIndex, "[]", column, list(std::move(node), std::move(index)));
      }
    }
    return node;
  }

  Expression primary(int nesting) {
    const Token token = token_;
    if (token.kind == Token::Kind::kNumber || token.kind == Token::Kind::kString) {
      advance();
      return literal(token.literal, token.column);
    }
    if (token.kind == Token::Kind::kName) {
      advance();
      if (at("(")) {
        return call(token, nesting);
      }
      if (token.text == "true" || token.text == "false") {
        return literal(token.text == "true", token.column);
      }
      if (token.text == "null") {
        return literal(nullptr, token.column);
      }
      return make(Expression::Kind::kName, token.text, token.column, {});
    }
    if (at("(")) {
      advance();
      Expression inner = binary(0, nesting + 1);
      expect(")", "to close the parenthesis");
      return inner;
    }
    fail(token.kind == Token::Kind::kEnd ? "the expression ends too early; a value is missing"
                                         : "expected a value, got '" + token.text + "'",
         token.column);
    return {};
  }

  static Expression literal(nlohmann::json value, int column) {
    Expression node;
    node.literal = std::move(value);
    node.column = column;
    return node;
  }

  Expression call(const Token& name, int nesting) {
    const Function* known = find_function(name.text);
    if (known == nullptr) {
      std::vector<std::string> names;
      for (const Function& function : functions()) {
        names.emplace_back(function.name);
      }
      fail("unknown function '" + name.text + "'" + suggestion(name.text, names), name.column);
      return {};
    }
    advance();
    std::vector<Expression> arguments;
    while (!error_ && !at(")")) {
      if (!arguments.empty() && !expect(",", "between arguments")) {
        return {};
      }
      arguments.push_back(binary(0, nesting + 1));
    }
    expect(")", "after the arguments");
    const int given = static_cast<int>(arguments.size());
    if (!error_ && (given < known->arguments_min || given > known->arguments_max)) {
      fail(name.text + "() takes " + count_text(*known) + ", got " + std::to_string(given), name.column);
    }
    return make(Expression::Kind::kCall, name.text, name.column, std::move(arguments));
  }

  static std::string count_text(const Function& function) {
    const std::string least = std::to_string(function.arguments_min);
    if (function.arguments_min == function.arguments_max) {
      return function.arguments_min == 0 ? "no arguments" : least + (least == "1" ? " argument" : " arguments");
    }
    return "at least " + least + (least == "1" ? " argument" : " arguments");
  }

  const std::string_view source_;
  std::size_t offset_ = 0;
  bool after_dot_ = false;
  Token token_;
  std::optional<SyntaxError> error_;
};

// Extends `reference` by the chain that ends in `node`; false when the chain does not start at a name.
bool follow(const Expression& node, Reference& reference) {
  if (node.kind == Expression::Kind::kName) {
    reference.path.push_back(node.text);
    reference.columns.push_back(node.column);
    return true;
  }
  if (node.kind != Expression::Kind::kMember && node.kind != Expression::Kind::kIndex) {
    return false;
  }
  if (!follow(node.children[0], reference)) {
    return false;
  }
  if (reference.computed != nullptr) {
    return true;
  }
  if (node.kind == Expression::Kind::kMember) {
    reference.path.push_back(node.text);
  } else if (const Expression& index = node.children[1]; index.kind == Expression::Kind::kLiteral) {
    reference.path.push_back(index.literal.is_string() ? index.literal.get<std::string>() : index.literal.dump());
  } else {
    reference.computed = &index;
    return true;
  }
  reference.columns.push_back(node.column);
  return true;
}

void collect(const Expression& node, bool inside_chain, std::vector<Reference>& found) {
  if (!inside_chain) {
    Reference reference;
    if (follow(node, reference)) {
      found.push_back(std::move(reference));
    }
  }
  const bool chain = node.kind == Expression::Kind::kMember || node.kind == Expression::Kind::kIndex;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    collect(node.children[i], chain && i == 0, found);
  }
}

}  // namespace

ParsedExpression parse_expression(std::string_view source) { return ExpressionParser(source).parse(); }

Pieces split_expressions(std::string_view text) {
  Pieces result;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t open = text.find("${{", offset);
    const std::size_t plain_end = std::min(open, text.size());
    if (plain_end > offset) {
      result.pieces.push_back({false, text.substr(offset, plain_end - offset), offset});
    }
    if (open == std::string_view::npos) {
      break;
    }
    // }} inside a string literal does not end the expression.
    std::size_t end = open + 3;
    char quote = '\0';
    while (end < text.size() && (quote != '\0' || !text.substr(end).starts_with("}}"))) {
      const char c = text[end];
      if (quote == '\0' && (c == '"' || c == '\'')) {
        quote = c;
      } else if (quote != '\0' && c == '\\') {
        ++end;
      } else if (c == quote) {
        quote = '\0';
      }
      ++end;
    }
    result.unclosed = end >= text.size();
    end = std::min(end, text.size());
    result.pieces.push_back({true, text.substr(open + 3, end - open - 3), open + 3});
    offset = end + 2;
  }
  return result;
}

bool has_expression(std::string_view text) { return text.find("${{") != std::string_view::npos; }

bool is_whole_expression(const Pieces& pieces) {
  int expressions = 0;
  for (const Piece& piece : pieces.pieces) {
    if (piece.is_expression) {
      ++expressions;
    } else if (piece.text.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      return false;
    }
  }
  return expressions == 1;
}

std::vector<Reference> references(const Expression& root) {
  std::vector<Reference> found;
  collect(root, false, found);
  return found;
}

bool calls_any(const Expression& root, const std::vector<std::string_view>& names) {
  if (root.kind == Expression::Kind::kCall && std::find(names.begin(), names.end(), root.text) != names.end()) {
    return true;
  }
  return std::any_of(root.children.begin(), root.children.end(),
                     [&names](const Expression& child) { return calls_any(child, names); });
}

}  // namespace luthier::spec
