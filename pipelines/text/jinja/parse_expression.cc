#include <algorithm>
#include <optional>

#include "pipelines/text/jinja/expression_parser.h"
#include "pipelines/text/jinja/fault.h"

namespace luthier::text::jinja {
namespace {

using Kind = Expression::Kind;

std::optional<Operator> comparison_of(const Token& token) {
  if (token.kind != TokenKind::kOperator) {
    return std::nullopt;
  }
  constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"==", Operator::kEqual},       {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
      {"<=", Operator::kLessOrEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterOrEqual}};
  for (const auto& [sign, found] : kSigns) {
    if (token.text == sign) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

ExpressionPointer ExpressionParser::make(Kind kind) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->offset = stream_.current().offset;
  return node;
}

ExpressionPointer ExpressionParser::measured(ExpressionPointer node) {
  std::uint32_t depth = 0;
  const auto see = [&](const ExpressionPointer& part) { depth = std::max(depth, part != nullptr ? part->depth : 0); };
  std::for_each(node->parts.begin(), node->parts.end(), see);
  std::for_each(node->arguments.begin(), node->arguments.end(), see);
  for (const auto& [name, argument] : node->named_arguments) {
    see(argument);
  }
  see(node->more_arguments);
  see(node->more_named_arguments);
  node->depth = depth + 1;
  if (node->depth > kSyntaxDepthMax) {
    fail_bound("an expression has more than " + std::to_string(kSyntaxDepthMax) + " parts in a row");
  }
  return node;
}

ExpressionPointer ExpressionParser::joined(ExpressionPointer node, ExpressionPointer first, ExpressionPointer second) {
  node->parts.push_back(std::move(first));
  if (second != nullptr) {
    node->parts.push_back(std::move(second));
  }
  return measured(std::move(node));
}

ExpressionPointer ExpressionParser::expression(bool with_conditional) {
  const Nesting nesting(depth_);
  return with_conditional ? conditional() : disjunction();
}

ExpressionPointer ExpressionParser::conditional() {
  ExpressionPointer value = disjunction();
  while (stream_.at_name("if")) {
    ExpressionPointer node = make(Kind::kConditional);
    stream_.next();
    node->parts.push_back(disjunction());
    node->parts.push_back(std::move(value));
    node->parts.push_back(stream_.skip_name("else") ? expression() : nullptr);
    value = measured(std::move(node));
  }
  return value;
}

ExpressionPointer ExpressionParser::disjunction() {
  ExpressionPointer left = conjunction();
  while (stream_.at_name("or")) {
    ExpressionPointer node = make(Kind::kOr);
    stream_.next();
    ExpressionPointer right = conjunction();
    left = joined(std::move(node), std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::conjunction() {
  ExpressionPointer left = inversion();
  while (stream_.at_name("and")) {
    ExpressionPointer node = make(Kind::kAnd);
    stream_.next();
    ExpressionPointer right = inversion();
    left = joined(std::move(node), std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::inversion() {
  if (!stream_.at_name("not")) {
    return comparison();
  }
  const Nesting nesting(depth_);
  ExpressionPointer node = make(Kind::kNot);
  stream_.next();
  return joined(std::move(node), inversion());
}

ExpressionPointer ExpressionParser::comparison() {
  ExpressionPointer node = make(Kind::kCompare);
  node->parts.push_back(sum());
  while (true) {
    if (const auto sign = comparison_of(stream_.current())) {
      node->operators.push_back(*sign);
      stream_.next();
    } else if (stream_.skip_name("in")) {
      node->operators.push_back(Operator::kIn);
    } else if (stream_.at_name("not") && stream_.ahead().kind == TokenKind::kName && stream_.ahead().text == "in") {
      stream_.next();
      stream_.next();
      node->operators.push_back(Operator::kNotIn);
    } else {
      break;
    }
    node->parts.push_back(sum());
  }
  return node->operators.empty() ? std::move(node->parts.front()) : measured(std::move(node));
}

ExpressionPointer ExpressionParser::sum() {
  ExpressionPointer left = concatenation();
  while (stream_.at_operator("+") || stream_.at_operator("-")) {
    ExpressionPointer node = make(Kind::kBinary);
    node->operators.push_back(stream_.next().text == "+" ? Operator::kAdd : Operator::kSubtract);
    ExpressionPointer right = concatenation();
    left = joined(std::move(node), std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::concatenation() {
  ExpressionPointer node = make(Kind::kConcatenate);
  node->parts.push_back(product());
  while (stream_.skip_operator("~")) {
    node->parts.push_back(product());
  }
  return node->parts.size() == 1 ? std::move(node->parts.front()) : measured(std::move(node));
}

ExpressionPointer ExpressionParser::product() {
  constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"*", Operator::kMultiply}, {"/", Operator::kDivide}, {"//", Operator::kFloorDivide}, {"%", Operator::kModulo}};
  ExpressionPointer left = power();
  while (true) {
    const auto* sign = std::find_if(std::begin(kSigns), std::end(kSigns),
                                    [&](const auto& entry) { return stream_.at_operator(entry.first); });
    if (sign == std::end(kSigns)) {
      return left;
    }
    ExpressionPointer node = make(Kind::kBinary);
    stream_.next();
    node->operators.push_back(sign->second);
    ExpressionPointer right = power();
    left = joined(std::move(node), std::move(left), std::move(right));
  }
}

ExpressionPointer ExpressionParser::power() {
  ExpressionPointer left = unary();
  while (stream_.at_operator("**")) {
    ExpressionPointer node = make(Kind::kBinary);
    stream_.next();
    node->operators.push_back(Operator::kPower);
    ExpressionPointer right = unary();
    left = joined(std::move(node), std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(depth_);
  ExpressionPointer node;
  if (stream_.at_operator("-") || stream_.at_operator("+")) {
    node = make(stream_.at_operator("-") ? Kind::kNegate : Kind::kPlus);
    stream_.next();
    node = joined(std::move(node), unary(false));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPointer ExpressionParser::primary() {
  const Token& token = stream_.current();
  ExpressionPointer node = make(Kind::kName);
  switch (token.kind) {
    case TokenKind::kName: {
      stream_.next();
      const bool is_true = token.text == "true" || token.text == "True";
      if (is_true || token.text == "false" || token.text == "False") {
        node->kind = Kind::kBool;
        node->integer = is_true ? 1 : 0;
      } else if (token.text == "none" || token.text == "None") {
        node->kind = Kind::kNone;
      } else {
        node->text = token.text;
        names_.caller = names_.caller || token.text == "caller";
        names_.varargs = names_.varargs || token.text == "varargs";
        names_.kwargs = names_.kwargs || token.text == "kwargs";
      }
      return node;
    }
    case TokenKind::kText:
      node->kind = Kind::kText;
      while (stream_.at(TokenKind::kText)) {
        node->text += stream_.next().text;
      }
      return node;
    case TokenKind::kInteger:
      node->kind = Kind::kInteger;
      node->integer = stream_.next().integer;
      return node;
    case TokenKind::kReal:
      node->kind = Kind::kReal;
      node->real = stream_.next().real;
      return node;
    default: break;
  }
  if (stream_.skip_operator("(")) {
    node = tuple(true, {}, true);
    stream_.expect_operator(")");
    return node;
  }
  if (stream_.at_operator("[")) {
    return list();
  }
  if (stream_.at_operator("{")) {
    return dictionary();
  }
  fail("an expression is due here, not " + stream_.describe());
}

ExpressionPointer ExpressionParser::tuple(bool conditional, std::string_view end, bool in_parentheses) {
  ExpressionPointer node = make(Kind::kTuple);
  bool is_tuple = false;
  while (true) {
    const bool ended = stream_.at(TokenKind::kPrintEnd) || stream_.at(TokenKind::kBlockEnd) ||
                       stream_.at_operator(")") || (!end.empty() && stream_.at_name(end));
    if (ended) {
      break;
    }
    node->parts.push_back(expression(conditional));
    if (!stream_.skip_operator(",")) {
      break;
    }
    is_tuple = true;
  }
  if (!is_tuple && !node->parts.empty()) {
    return std::move(node->parts.front());
  }
  if (!is_tuple && !in_parentheses) {
    fail("an expression is due here, not " + stream_.describe());
  }
  return measured(std::move(node));
}

ExpressionPointer ExpressionParser::list() {
  ExpressionPointer node = make(Kind::kList);
  stream_.expect_operator("[");
  while (!stream_.at_operator("]")) {
    node->parts.push_back(expression());
    if (!stream_.skip_operator(",")) {
      break;
    }
  }
  stream_.expect_operator("]");
  return measured(std::move(node));
}

ExpressionPointer ExpressionParser::dictionary() {
  ExpressionPointer node = make(Kind::kDict);
  stream_.expect_operator("{");
  while (!stream_.at_operator("}")) {
    node->parts.push_back(expression());
    stream_.expect_operator(":");
    node->parts.push_back(expression());
    if (!stream_.skip_operator(",")) {
      break;
    }
  }
  stream_.expect_operator("}");
  return measured(std::move(node));
}

ExpressionPointer ExpressionParser::postfix(ExpressionPointer node) {
  while (true) {
    if (stream_.at_operator(".") || stream_.at_operator("[")) {
      node = subscript(std::move(node));
    } else if (stream_.at_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPointer ExpressionParser::filters_and_tests(ExpressionPointer node) {
  while (true) {
    if (stream_.at_operator("|")) {
      node = filters(std::move(node));
    } else if (stream_.at_name("is")) {
      node = test(std::move(node));
    } else if (stream_.at_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPointer ExpressionParser::subscript(ExpressionPointer object) {
  ExpressionPointer node = make(Kind::kItem);
  if (stream_.skip_operator(".")) {
    if (stream_.at(TokenKind::kInteger)) {
      ExpressionPointer index = make(Kind::kInteger);
      index->integer = stream_.next().integer;
      return joined(std::move(node), std::move(object), std::move(index));
    }
    node->kind = Kind::kAttribute;
    node->text = stream_.take_name("a name or number");
    return joined(std::move(node), std::move(object));
  }
  stream_.expect_operator("[");
  const auto ends = [&] { return stream_.at_operator("]") || stream_.at_operator(":"); };
  ExpressionPointer first = stream_.at_operator(":") ? nullptr : expression();
  if (stream_.at_operator(":")) {
    node->kind = Kind::kSlice;
    node->parts.push_back(std::move(object));
    node->parts.push_back(std::move(first));
    stream_.next();
    node->parts.push_back(ends() ? nullptr : expression());
    node->parts.push_back(stream_.skip_operator(":") && !ends() ? expression() : nullptr);
    stream_.expect_operator("]");
    return measured(std::move(node));
  }
  if (stream_.at_operator(",")) {
    fail("an index has one value");
  }
  stream_.expect_operator("]");
  return joined(std::move(node), std::move(object), std::move(first));
}

}  // namespace luthier::text::jinja
