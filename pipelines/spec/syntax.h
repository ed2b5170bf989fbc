// The grammar of ${{ }}: text to a tree. Evaluation is pipelines/plan/expression.h. Pure; bounded length and depth.
//
//   or      := and ("||" and)*            and    := equal ("&&" equal)*
//   equal   := less (("=="|"!=") less)*   less   := sum (("<"|"<="|">"|">=") sum)*
//   sum     := product (("+"|"-") product)*        product := unary (("*"|"/") unary)*
//   unary   := ("!"|"-") unary | postfix
//   postfix := primary ("." NAME | "[" or "]")*
//   primary := NUMBER | STRING | true | false | null | NAME | NAME "(" [or ("," or)*] ")" | "(" or ")"
// A NAME after a dot may hold hyphens, so a minus between names needs spaces: a.b - c.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::spec {

inline constexpr std::size_t kExpressionBytesMax = 4096;
inline constexpr int kExpressionDepthMax = 64;

struct Expression {
  enum class Kind { kLiteral, kName, kMember, kIndex, kUnary, kBinary, kCall };

  Kind kind = Kind::kLiteral;
  nlohmann::json literal;            // kLiteral
  std::string text;                  // name, member, operator or function
  std::vector<Expression> children;  // operands; of kMember the object; of kIndex object and index
  int column = 1;                    // 1-based, in the parsed text
  int depth = 1;
};

struct ParsedExpression {
  std::optional<Expression> root;  // absent when there is an error
  std::string message;
  int column = 1;  // of the error
};

[[nodiscard]] ParsedExpression parse_expression(std::string_view source);

// A string cut at its ${{ }}: text and expressions in turn.
struct Piece {
  bool is_expression = false;
  std::string_view text;   // between ${{ and }}, or plain
  std::size_t offset = 0;  // of `text` in the whole
};
struct Pieces {
  std::vector<Piece> pieces;
  bool unclosed = false;  // a ${{ has no }}; the last piece starts after it
};
[[nodiscard]] Pieces split_expressions(std::string_view text);
[[nodiscard]] bool has_expression(std::string_view text);
// True when the text is one expression and nothing else but blanks around it.
[[nodiscard]] bool is_whole_expression(const Pieces& pieces);

// A use of a scope's value: params.epochs, steps.train.outputs.model, steps["train[lr=1]"].status.
struct Reference {
  std::vector<std::string> path;         // literal parts from the root name on
  std::vector<int> columns;              // of each part
  const Expression* computed = nullptr;  // the index that ended the literal part, borrowed from the tree
};
// Every maximal chain of members and indexes in the tree; also those inside indexes.
[[nodiscard]] std::vector<Reference> references(const Expression& root);

// True when the tree calls one of these functions.
[[nodiscard]] bool calls_any(const Expression& root, const std::vector<std::string_view>& names);

}  // namespace luthier::spec
