#include "pipelines/spec/syntax.h"

#include <gtest/gtest.h>

namespace luthier::spec {
namespace {

TEST(Syntax, ReportsTheColumnOfAnError) {
  struct Case {
    const char* source;
    int column;
    const char* message;
  };
  const Case cases[] = {
      {"", 1, "the expression is empty"},
      {"a ==", 5, "the expression ends too early; a value is missing"},
      {"a = 1", 3, "unexpected '='; compare with =="},
      {"a & b", 3, "unexpected '&'; write &&"},
      {"(a", 3, "expected ')' to close the parenthesis"},
      {"a b", 3, "expected an operator or the end of the expression, got 'b'"},
      {"'abc", 1, "this string has no closing quote"},
      {"a.1", 3, "expected a name after '.'"},
      {"lenght(a)", 1, "unknown function 'lenght'; did you mean 'length'?"},
      {"length(a, b)", 1, "length() takes 1 argument, got 2"},
      {"contains(a b)", 12, "expected ',' between arguments"},
      {"a ä b", 3, "unexpected 'ä'"},
      {"1.2.3", 1, "'1.2.3' is not a number"},
      {"\"\\q\"", 2, "unknown escape in a string; write \\\\, \\\", \\', \\n or \\t"},
  };
  for (const Case& c : cases) {
    const ParsedExpression parsed = parse_expression(c.source);
    EXPECT_FALSE(parsed.root.has_value()) << c.source;
    EXPECT_EQ(parsed.message, c.message) << c.source;
    EXPECT_EQ(parsed.column, c.column) << c.source;
  }
}

TEST(Syntax, BoundsDepthAndLength) {
  for (const char* unit : {"(", "!", "-", "a[", "length("}) {
    std::string source;
    while (source.size() < 4000) {
      source += unit;
    }
    EXPECT_FALSE(parse_expression(source).root.has_value()) << unit;
  }
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) {
    sum += "+1";
  }
  EXPECT_EQ(parse_expression(sum).message, "the expression is nested too deeply");
  EXPECT_EQ(parse_expression(std::string(5000, ' ')).message, "the expression is longer than 4096 bytes");
}

TEST(Syntax, FindsReferencesWithTheirColumns) {
  const ParsedExpression parsed = parse_expression("steps.a-b.outputs['x'] > params.limit - steps[params.s].status");
  ASSERT_TRUE(parsed.root.has_value()) << parsed.message;
  const std::vector<Reference> found = references(*parsed.root);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].path, (std::vector<std::string>{"steps", "a-b", "outputs", "x"}));
  EXPECT_EQ(found[0].columns, (std::vector<int>{1, 7, 11, 19}));
  EXPECT_EQ(found[1].path, (std::vector<std::string>{"params", "limit"}));
  EXPECT_EQ(found[2].path, (std::vector<std::string>{"steps"}));
  EXPECT_NE(found[2].computed, nullptr);
  EXPECT_EQ(found[3].path, (std::vector<std::string>{"params", "s"}));
}

TEST(Syntax, CutsTextAtExpressions) {
  const Pieces pieces = split_expressions("a ${{ x }} b ${{ '}}' }}");
  ASSERT_EQ(pieces.pieces.size(), 4U);
  EXPECT_EQ(pieces.pieces[1].text, " x ");
  EXPECT_EQ(pieces.pieces[3].text, " '}}' ");
  EXPECT_FALSE(pieces.unclosed);
  EXPECT_TRUE(split_expressions("a ${{ x").unclosed);
  EXPECT_TRUE(split_expressions("${{").unclosed);
  EXPECT_TRUE(split_expressions("${{ 'a }}").unclosed);
  EXPECT_TRUE(is_whole_expression(split_expressions(" ${{ x }} ")));
  EXPECT_FALSE(is_whole_expression(split_expressions("${{ x }}${{ y }}")));
}

}  // namespace
}  // namespace luthier::spec
