// Source of a template to tokens, as Jinja with trim_blocks and lstrip_blocks set (as chat templates are read).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::text::jinja {

enum class TokenKind : std::uint8_t {
  kData,
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kText,
  kInteger,
  kReal,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t offset = 0;
  std::string text;  // of data, names, texts (unescaped) and operators
  std::int64_t integer = 0;
  double real = 0;
};

// Lines end in LF afterwards, and one line end at the end of the source is gone.
[[nodiscard]] std::string normalize_source(std::string_view source);

// Throws Fault; `offset` is where reading stands. The last token is kEnd.
[[nodiscard]] std::vector<Token> tokenize(std::string_view normalized_source, std::uint32_t& offset);

}  // namespace luthier::text::jinja
