#include "pipelines/data/columns.h"

#include <gtest/gtest.h>

namespace luthier::data {
namespace {

Header header_of(std::vector<std::string> columns, read::FileFormat format = read::FileFormat::kCsv) {
  return {"f.csv", format, std::move(columns)};
}

TEST(Columns, FindsThemByNameCaseSynonymAndMisspelling) {
  const struct {
    std::vector<std::string> columns;
    std::size_t prompt;
    std::size_t completion;
  } cases[] = {
      {{"prompt", "completion"}, 0, 1},
      {{"completion", "prompt"}, 1, 0},
      {{"id", "Prompt ", "COMPLETION"}, 1, 2},
      {{"text", "label"}, 0, 1},
      {{"Headline", "date", "Category"}, 0, 2},
      {{"text", "source", "lable"}, 0, 2},
      {{"sentense", "clas"}, 0, 1},
      {{"input", "output"}, 0, 1},
      {{"text", "prompt", "label", "completion"}, 1, 3},  // the best names win
      {{"test", "label"}, 0, 1},
      {{"question", "anwser"}, 0, 1},
  };
  for (const auto& test_case : cases) {
    const auto choice = choose_columns(header_of(test_case.columns), {});
    ASSERT_TRUE(choice) << test_case.columns[0] << ": " << choice.error().message;
    EXPECT_EQ(choice->prompt, test_case.prompt) << test_case.columns[0];
    EXPECT_EQ(choice->completion, test_case.completion) << test_case.columns[0];
  }
}

TEST(Columns, TakesTheOnesThatAPersonNamed) {
  Settings settings;
  settings.prompt_column = "b";
  settings.completion_column = "A ";
  const auto choice = choose_columns(header_of({"a", "b", "prompt", "label"}), settings);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->prompt, 1u);
  EXPECT_EQ(choice->completion, 0u);
}

TEST(Columns, SaysWhichThereAreWhenOneIsMissing) {
  const struct {
    std::vector<std::string> columns;
    std::string completion_column;
    const char* message;
  } cases[] = {
      {{}, "", "f.csv: nothing in it could be read as a record; `luthier data check` says why"},
      {{"text", "when"},
       "",
       "f.csv:1: no column of labels or completions found; name it: columns: {completion: …}, or --completion-column; "
       "the columns are: "
       "\"text\", \"when\""},
      {{"x", "label"},
       "",
       "f.csv:1: no column of prompts found; name it: columns: {prompt: …}, or --prompt-column; the columns are: "
       "\"x\", \"label\""},
      {{"text", "genre"},
       "gnere",
       "f.csv:1: there is no column \"gnere\" (columns.completion); did you mean \"genre\"?; the columns are: "
       "\"text\", \"genre\""},
  };
  for (const auto& test_case : cases) {
    Settings settings;
    settings.completion_column = test_case.completion_column;
    const auto choice = choose_columns(header_of(test_case.columns), settings);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(choice.error().message, test_case.message);
  }
}

TEST(Columns, TakesRecordsOfTextForText) {
  const auto inferred = choose_columns(header_of({"id", "text"}, read::FileFormat::kJsonLines), {});
  ASSERT_TRUE(inferred) << inferred.error().message;
  EXPECT_EQ(inferred->prompt, 1u);
  EXPECT_FALSE(inferred->completion.has_value());
  Settings settings;
  settings.task = Task::kText;
  settings.text_column = "story";
  const auto named = choose_columns(header_of({"label", "story"}), settings);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->prompt, 1u);
  settings.task = Task::kClassification;
  settings.text_column.clear();
  EXPECT_FALSE(choose_columns(header_of({"id", "text"}, read::FileFormat::kJsonLines), settings));
}

TEST(EditDistance, CountsSlipsUpToALimit) {
  EXPECT_EQ(edit_distance("label", "label", 2), 0u);
  EXPECT_EQ(edit_distance("lable", "label", 2), 1u);
  EXPECT_EQ(edit_distance("labell", "label", 2), 1u);
  EXPECT_EQ(edit_distance("lbl", "label", 2), 2u);
  EXPECT_EQ(edit_distance("abcd", "wxyz", 2), 3u);
  EXPECT_EQ(edit_distance("", "abc", 2), 3u);
  EXPECT_EQ(edit_distance("", "", 2), 0u);
}

}  // namespace
}  // namespace luthier::data
