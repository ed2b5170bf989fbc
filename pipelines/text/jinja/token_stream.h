// TokenStream: the parser's place among the tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/lexer.h"

namespace luthier::text::jinja {

class TokenStream {
 public:
  TokenStream(const std::vector<Token>& tokens, std::uint32_t& offset) : tokens_(tokens), offset_(offset) {
    offset_ = current().offset;
  }

  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  [[nodiscard]] const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& next() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) {
      ++at_;
    }
    offset_ = current().offset;
    return token;
  }
  [[nodiscard]] bool at(TokenKind kind) const { return current().kind == kind; }
  [[nodiscard]] bool at_name(std::string_view name) const { return at(TokenKind::kName) && current().text == name; }
  [[nodiscard]] bool at_operator(std::string_view sign) const {
    return at(TokenKind::kOperator) && current().text == sign;
  }
  bool skip_name(std::string_view name) { return at_name(name) && (next(), true); }
  bool skip_operator(std::string_view sign) { return at_operator(sign) && (next(), true); }

  void expect_operator(std::string_view sign) {
    if (!skip_operator(sign)) {
      fail("'" + std::string(sign) + "' is due here, not " + describe());
    }
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) {
      fail("'" + std::string(name) + "' is due here, not " + describe());
    }
  }
  [[nodiscard]] std::string take_name(std::string_view what) {
    if (!at(TokenKind::kName)) {
      fail(std::string(what) + " is due here, not " + describe());
    }
    return next().text;
  }
  void expect(TokenKind kind) {
    if (!at(kind)) {
      fail((kind == TokenKind::kBlockEnd ? "'%}' is due here, not " : "'}}' is due here, not ") + describe());
    }
    next();
  }
  // What stands here, for messages.
  [[nodiscard]] std::string describe() const {
    switch (current().kind) {
      case TokenKind::kName:
      case TokenKind::kOperator: return "'" + current().text + "'";
      case TokenKind::kText: return "a text";
      case TokenKind::kInteger:
      case TokenKind::kReal: return "a number";
      case TokenKind::kBlockEnd: return "'%}'";
      case TokenKind::kPrintEnd: return "'}}'";
      case TokenKind::kEnd: return "the template's end";
      default: return "text outside tags";
    }
  }

 private:
  const std::vector<Token>& tokens_;
  std::uint32_t& offset_;
  std::size_t at_ = 0;
};

}  // namespace luthier::text::jinja
