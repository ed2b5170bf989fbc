#include "pipelines/data/read/broken_json.h"

#include <gtest/gtest.h>

#include "tests/pipelines/data/read/read_all.h"

namespace luthier::data::read {
namespace {

struct Case {
  std::string text;
  std::string code;
  std::int64_t column;
};

TEST(Diagnose, NamesWhatPeoplePasteAndItsPlace) {
  const std::vector<Case> cases{
      {R"({"a": "b",})", "json_trailing_comma", 10},
      {R"({"a": [1, 2,]})", "json_trailing_comma", 12},
      {R"({"a": 1},)", "json_trailing_comma", 9},
      {R"({"a": "He said "hi" to me"})", "json_unescaped_quote", 16},
      {R"({"a": "x", "b": "the "best" one", "c": 1})", "json_unescaped_quote", 22},
      {R"({'a': 'b'})", "json_single_quotes", 2},
      {R"({"a": 'b'})", "json_single_quotes", 7},
      {R"({"a": "b")", "json_unfinished", 10},
      {R"({"a": "b)", "json_unfinished", 7},
      {R"({"a": [{"b": 1})", "json_unfinished", 16},
      {R"({"a":)", "json_unfinished", 6},
      {R"({"a": "b\)", "json_unfinished", 7},
      {R"({"a": "b\u00e)", "json_unfinished", 7},
      {R"({"a": None})", "json_python_value", 7},
      {R"({"a": True, "b": 1})", "json_python_value", 7},
      {R"({"a": NaN})", "json_python_value", 7},
      {"{\"a\": \"b\tc\"}", "json_control_character", 9},
      {R"({"a": "C:\docs"})", "json_escape", 10},
      {R"({"a": "it\'s"})", "json_escape", 10},
      {R"({"a": "\ud83d"})", "json_surrogate", 8},
      {R"({"a": "\ude00"})", "json_surrogate", 8},
      {R"({"a": "\u12g4"})", "json_escape", 8},
      {R"({"a": 1 // one
})",
       "json_comment", 9},
      {R"({"a": "b" "c": 1})", "json_missing_comma", 11},
      {R"({"a": [{} {}]})", "json_missing_comma", 11},
      {R"({"a": 1}{"a": 2})", "json_extra", 9},
      {R"({a: 1})", "json_invalid", 2},
      {R"({"a": b})", "json_invalid", 7},
      {R"({"a": 007})", "json_invalid", 7},
      {R"({"a": 1.})", "json_invalid", 9},
      {R"({"a" 1})", "json_invalid", 6},
      {"\xef\xbb\xbf{\"a\": 1}", "json_invalid", 1},
      {"{“a”: 1}", "json_typographic_quotes", 2},
      {"{\"a\": \"caf\xe9\"}", "not_utf8", 11},
      {"[1]", "data_type", 1},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.text);
    const BrokenJson broken = diagnose(example.text, {"f", 3, 1});
    ASSERT_TRUE(broken.problem.has_value());
    EXPECT_EQ(broken.problem->code, example.code);
    EXPECT_EQ(broken.problem->column, example.column);
    EXPECT_EQ(broken.problem->line, 3);
    EXPECT_EQ(read_all("{\"a\":1}\n" + example.text.substr(0, example.text.find('\n')), FileFormat::kJsonLines)
                  .problems.size(),
              1U)
        << "the bulk parser and the diagnosis agree that it is broken";
  }
}

TEST(Diagnose, LetsJsonThatTheBulkParserCannotHold) {
  const BrokenJson broken = diagnose(R"({"a": 123456789012345678901234567890, "b": "\ud83d\ude00"})", {"f", 1, 1});
  EXPECT_FALSE(broken.problem.has_value());
  ASSERT_TRUE(broken.value.has_value());
  EXPECT_EQ((*broken.value)["b"], "😀");
}

}  // namespace
}  // namespace luthier::data::read
