// Calls, filters and tests.
#include "pipelines/text/jinja/expression_parser.h"
#include "pipelines/text/jinja/fault.h"

namespace luthier::text::jinja {

using Kind = Expression::Kind;

void ExpressionParser::argument(Expression& node) {
  if (stream_.skip_operator("*")) {
    if (node.more_arguments != nullptr || node.more_named_arguments != nullptr) {
      fail("a call takes one '*' argument, before '**'");
    }
    node.more_arguments = expression();
  } else if (stream_.skip_operator("**")) {
    if (node.more_named_arguments != nullptr) {
      fail("a call takes one '**' argument");
    }
    node.more_named_arguments = expression();
  } else if (stream_.at(TokenKind::kName) && stream_.ahead().kind == TokenKind::kOperator &&
             stream_.ahead().text == "=") {
    std::string name = stream_.next().text;
    stream_.next();
    node.named_arguments.emplace_back(std::move(name), expression());
  } else {
    if (!node.named_arguments.empty() || node.more_arguments != nullptr || node.more_named_arguments != nullptr) {
      fail("an argument without a name stands behind one with a name");
    }
    node.arguments.push_back(expression());
  }
}

void ExpressionParser::arguments(Expression& node) {
  stream_.expect_operator("(");
  while (!stream_.at_operator(")")) {
    argument(node);
    if (!stream_.skip_operator(",")) {
      break;
    }
  }
  stream_.expect_operator(")");
}

ExpressionPointer ExpressionParser::call(ExpressionPointer callee) {
  ExpressionPointer node = make(Kind::kCall);
  node->offset = callee->offset;
  arguments(*node);
  return joined(std::move(node), std::move(callee));
}

ExpressionPointer ExpressionParser::call_expression() {
  ExpressionPointer node = expression();
  if (node->kind != Kind::kCall) {
    fail("{% call %} needs a call, such as {% call macro(x) %}");
  }
  return node;
}

std::string ExpressionParser::dotted_name(std::string_view what) {
  std::string name = stream_.take_name(what);
  while (stream_.skip_operator(".")) {
    name += "." + stream_.take_name(what);
  }
  return name;
}

ExpressionPointer ExpressionParser::filters(ExpressionPointer input, bool first_without_pipe) {
  while (first_without_pipe || stream_.skip_operator("|")) {
    first_without_pipe = false;
    ExpressionPointer node = make(Kind::kFilter);
    node->text = dotted_name("a filter's name");
    if (stream_.at_operator("(")) {
      arguments(*node);
    }
    node->parts.push_back(std::move(input));
    input = measured(std::move(node));
  }
  return input;
}

ExpressionPointer ExpressionParser::test(ExpressionPointer input) {
  stream_.expect_name("is");
  const bool negated = stream_.skip_name("not");
  ExpressionPointer node = make(Kind::kTest);
  node->text = dotted_name("a test's name");
  const bool is_word = stream_.at_name("else") || stream_.at_name("or") || stream_.at_name("and");
  if (stream_.at_operator("(")) {
    arguments(*node);
  } else if (stream_.at_name("is")) {
    fail("tests cannot be chained: write 'and' between them");
  } else if (stream_.at(TokenKind::kText) || stream_.at(TokenKind::kInteger) || stream_.at(TokenKind::kReal) ||
             stream_.at_operator("[") || stream_.at_operator("{") || (stream_.at(TokenKind::kName) && !is_word)) {
    const Nesting nesting(depth_);
    ExpressionPointer argument = primary();
    node->arguments.push_back(postfix(std::move(argument)));
  }
  node = joined(std::move(node), std::move(input));
  if (!negated) {
    return node;
  }
  ExpressionPointer inverse = make(Kind::kNot);
  return joined(std::move(inverse), std::move(node));
}

}  // namespace luthier::text::jinja
