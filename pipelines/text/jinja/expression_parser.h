// ExpressionParser: what stands inside tags.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/syntax.h"
#include "pipelines/text/jinja/token_stream.h"

namespace luthier::text::jinja {

constexpr std::uint32_t kSyntaxDepthMax = 200;

// Guards the parser's own stack.
class Nesting {
 public:
  explicit Nesting(std::uint32_t& depth) : depth_(depth) {
    if (depth_ >= kSyntaxDepthMax) {
      fail_bound("tags or expressions are nested more than " + std::to_string(kSyntaxDepthMax) + " deep");
    }
    ++depth_;
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  std::uint32_t& depth_;
};

// Names that a macro's body reads, which decide whether it takes further arguments.
struct MacroNames {
  bool caller = false;
  bool varargs = false;
  bool kwargs = false;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  ExpressionPointer expression(bool conditional = true);
  // One expression, or several between commas as a tuple. `end`: a name that also ends it.
  ExpressionPointer tuple(bool conditional = true, std::string_view end = {}, bool in_parentheses = false);
  // `| name(...)`, any number of them, behind `input`, which is null for a block's filter.
  ExpressionPointer filters(ExpressionPointer input, bool first_without_pipe = false);
  // A call, as `call` blocks need one.
  ExpressionPointer call_expression();

  // Collects the names read from now on; gives what was collected before back to the caller, who restores it.
  MacroNames exchange_names(MacroNames names) { return std::exchange(names_, names); }

 private:
  ExpressionPointer conditional();
  ExpressionPointer disjunction();
  ExpressionPointer conjunction();
  ExpressionPointer inversion();
  ExpressionPointer comparison();
  ExpressionPointer sum();
  ExpressionPointer concatenation();
  ExpressionPointer product();
  ExpressionPointer power();
  ExpressionPointer unary(bool with_filters = true);
  ExpressionPointer primary();
  ExpressionPointer list();
  ExpressionPointer dictionary();
  ExpressionPointer postfix(ExpressionPointer node);
  ExpressionPointer subscript(ExpressionPointer node);
  ExpressionPointer filters_and_tests(ExpressionPointer node);
  ExpressionPointer test(ExpressionPointer node);
  ExpressionPointer call(ExpressionPointer callee);
  void arguments(Expression& node);
  void argument(Expression& node);
  std::string dotted_name(std::string_view what);

  ExpressionPointer make(Expression::Kind kind);
  // Nodes keep how deep they are, since chains such as a + b + c ... make deep trees without nesting.
  static ExpressionPointer measured(ExpressionPointer node);
  static ExpressionPointer joined(ExpressionPointer node, ExpressionPointer first, ExpressionPointer second = nullptr);

  TokenStream& stream_;
  MacroNames names_;
  std::uint32_t depth_ = 0;
};

}  // namespace luthier::text::jinja
