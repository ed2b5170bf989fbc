#include "pipelines/data/readers.h"

#include <gtest/gtest.h>

#include "pipelines/data/source.h"
#include "pipelines/data/whitespace.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

using Lines = std::vector<std::vector<std::string>>;

Lines cells_of(const Table& table) {
  Lines lines{table.columns};
  for (const Row& row : table.rows) {
    std::vector<std::string> cells;
    for (const Cell& cell : row.cells) {
      cells.push_back(cell.nested ? "<nested>" : cell.text);
    }
    lines.push_back(cells);
  }
  return lines;
}

std::vector<std::int64_t> line_numbers_of(const Table& table) {
  std::vector<std::int64_t> lines;
  for (const Row& row : table.rows) {
    lines.push_back(row.line);
  }
  return lines;
}

TEST(ReadCsv, ReadsWhatRfc4180Allows) {
  const struct {
    const char* name;
    std::string text;
    Lines cells;
    std::vector<std::int64_t> lines;
  } cases[] = {
      {"plain", "a,b\n1,2\n", {{"a", "b"}, {"1", "2"}}, {2}},
      {"no line end at the end", "a,b\n1,2", {{"a", "b"}, {"1", "2"}}, {2}},
      {"CRLF", "a,b\r\n1,2\r\n", {{"a", "b"}, {"1", "2"}}, {2}},
      {"byte order mark",
       "\xef\xbb\xbf"
       "a,b\n1,2\n",
       {{"a", "b"}, {"1", "2"}},
       {2}},
      {"quoted separator and quote", "a,b\n\"x, \"\"y\"\"\",2\n", {{"a", "b"}, {"x, \"y\"", "2"}}, {2}},
      {"quoted line end", "a,b\n\"x\r\ny\nz\",2\n3,4\n", {{"a", "b"}, {"x\r\ny\nz", "2"}, {"3", "4"}}, {2, 5}},
      {"empty quoted field", "a,b\n\"\",2\n", {{"a", "b"}, {"", "2"}}, {2}},
      {"blank line", "a,b\n\n1,2\n", {{"a", "b"}, {"", ""}, {"1", "2"}}, {2, 3}},
      {"quote inside an unquoted field", "a,b\n5\" pipe,2\n", {{"a", "b"}, {"5\" pipe", "2"}}, {2}},
      {"carriage return inside a field", "a,b\nx\ry,2\n", {{"a", "b"}, {"x\ry", "2"}}, {2}},
      {"header only", "a,b\n", {{"a", "b"}}, {}},
      {"empty last field", "a,b\n1,\n", {{"a", "b"}, {"1", ""}}, {2}},
  };
  for (const auto& test_case : cases) {
    const auto table = read_csv(test_case.text, "f.csv", ',');
    ASSERT_TRUE(table) << test_case.name << ": " << table.error().message;
    EXPECT_EQ(cells_of(*table), test_case.cells) << test_case.name;
    EXPECT_EQ(line_numbers_of(*table), test_case.lines) << test_case.name;
    for (const Row& row : table->rows) {
      EXPECT_EQ(row.problem, "") << test_case.name;
    }
  }
}

TEST(ReadCsv, SeparatesTsvByTabs) {
  const auto table = read_csv("a\tb\n1, 2\t3\n", "f.tsv", '\t');
  ASSERT_TRUE(table);
  EXPECT_EQ(cells_of(*table), (Lines{{"a", "b"}, {"1, 2", "3"}}));
  EXPECT_EQ(table->format, Format::kTsv);
}

TEST(ReadCsv, MarksRowsWithAnotherNumberOfFields) {
  const auto table = read_csv("a,b\n1\n1,2,3\n1,2\n,,\n", "f.csv", ',');
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rows.size(), 4u);
  EXPECT_EQ(table->rows[0].problem, "has 1 fields, the header has 2");
  EXPECT_EQ(table->rows[1].problem, "has 3 fields, the header has 2");
  EXPECT_EQ(table->rows[2].problem, "");
  EXPECT_EQ(table->rows[3].problem, "");  // blank
}

TEST(ReadCsv, NamesThePlaceOfWhatIsWrong) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"a,b\n1,\"2\n3,4\n", "f.csv:2:3: this quote is never closed; close it, or double it if it is part of the text"},
      {"a,b\n\"x\"y,2\n", "f.csv:2:4: text after a closing quote; double each quote that is part of the text"},
      {"a,b\n\"x\n\"y,2\n", "f.csv:3:2: text after a closing quote; double each quote that is part of the text"},
      {"", "f.csv:1:1: the first line must name the columns, but it is empty"},
      {"\n1,2\n", "f.csv:1:1: the first line must name the columns, but it is empty"},
  };
  for (const auto& test_case : cases) {
    const auto table = read_csv(test_case.text, "f.csv", ',');
    ASSERT_FALSE(table) << test_case.text;
    EXPECT_EQ(table.error().message, test_case.message);
  }
}

TEST(ReadJsonLines, ReadsObjectsOfAnyMembers) {
  const auto table =
      read_json_lines("\xef\xbb\xbf{\"a\":\"x\",\"b\":1.5}\r\n\n{\"c\":true,\"a\":null}\n{\"b\":[1]}", "f.jsonl");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table),
            (Lines{{"a", "b", "c"}, {"x", "1.5", ""}, {"", "", ""}, {"", "", "true"}, {"", "<nested>", ""}}));
  EXPECT_EQ(line_numbers_of(*table), (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(ReadJsonLines, NamesThePlaceOfWhatIsWrong) {
  const struct {
    const char* text;
    const char* part;
  } cases[] = {
      {"{\"a\":1}\n{\"a\":}\n", "f.jsonl:2:6: not valid JSON"},
      {"{\"a\":1}\n{\"a\":1} x\n", "f.jsonl:2:9: not valid JSON"},
      {"{\"a\":\n1}\n", "f.jsonl:1:6: not valid JSON"},
      {"[1]\n", "f.jsonl:1:1: expected a JSON object"},
      {"{\"a\":1e999}\n", "f.jsonl:1:1: not usable JSON"},
  };
  for (const auto& test_case : cases) {
    const auto table = read_json_lines(test_case.text, "f.jsonl");
    ASSERT_FALSE(table) << test_case.text;
    EXPECT_EQ(table.error().message.substr(0, std::string(test_case.part).size()), test_case.part);
  }
}

TEST(ReadJson, ReadsAnArrayOrObjectsInARow) {
  for (const char* text :
       {"[\n {\"a\": \"}]\\\"\"},\n {\"a\":\n \"y\"}\n]\n", "{\"a\":\"}]\\\"\"}\n\n\n{\"a\":\"y\"}"}) {
    const auto table = read_json(text, "f.json");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table), (Lines{{"a"}, {"}]\""}, {"y"}})) << text;
  }
  const auto broken = read_json("[\n {\"a\": 1},\n {\"a\":\n  oops}\n]", "f.json");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.substr(0, 31), "f.json:4:3: not valid JSON here");
  const auto scalar = read_json("[1]", "f.json");
  ASSERT_FALSE(scalar);
  EXPECT_EQ(scalar.error().message, "f.json:1:2: expected a JSON object, or an array of objects");
}

TEST(ReadText, CutsParagraphsOrLines) {
  const std::string text = "\n\none\ntwo\n \nthree\r\n\n\nfour";
  const Table paragraphs = read_text(text, "f.txt", TextUnit::kParagraph, "text");
  EXPECT_EQ(cells_of(paragraphs), (Lines{{"text"}, {"one\ntwo"}, {"three"}, {"four"}}));
  EXPECT_EQ(line_numbers_of(paragraphs), (std::vector<std::int64_t>{3, 6, 9}));
  const Table lines = read_text("a\n\nb\n", "f.txt", TextUnit::kLine, "completion");
  EXPECT_EQ(cells_of(lines), (Lines{{"completion"}, {"a"}, {""}, {"b"}}));
}

TEST(Source, RefusesOtherEncodingsWithTheRemedy) {
  const struct {
    std::string text;
    const char* part;
  } cases[] = {
      {std::string("\xff\xfe"
                   "a\0b\0",
                   6),
       "iconv -f UTF-16"},
      {std::string("a\0b\0", 4), "iconv -f UTF-16"},
      {"ab\ncaf\xe9 x", "f.csv:2:4: not UTF-8"},
  };
  for (const auto& test_case : cases) {
    const auto checked = check_encoding(test_case.text, "f.csv");
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message.find(test_case.part), std::string::npos) << checked.error().message;
  }
  EXPECT_TRUE(
      check_encoding("\xef\xbb\xbf"
                     "caf\xc3\xa9",
                     "f.csv"));
}

TEST(Source, ReadsAFolderInOrderOfNames) {
  const TemporaryFolder folder;
  folder.write("b.txt", "second");
  folder.write("a.txt", "first");
  folder.write("deep/c.JSONL", "{}");
  folder.write(".hidden/d.txt", "never");
  folder.write(".e.txt", "never");
  std::filesystem::create_symlink("/etc/hostname", folder.path() / "link.txt");
  const auto files = read_source(folder.path(), std::nullopt);
  ASSERT_TRUE(files) << files.error().message;
  std::vector<std::string> names;
  for (const SourceFile& file : *files) {
    names.push_back(file.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a.txt", "b.txt", "deep/c.JSONL"}));
  EXPECT_EQ(files->back().format, Format::kJsonLines);
}

TEST(Source, SaysWhyItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_NE(read_source(folder.path(), std::nullopt).error().message.find("no files"), std::string::npos);
  EXPECT_FALSE(read_source(folder.path() / "missing", std::nullopt));
  folder.write("a.xyz", "x");
  const auto unknown = read_source(folder.path(), std::nullopt);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message.substr(0, 6), "a.xyz:");
  EXPECT_TRUE(read_source(folder.path(), Format::kText));
}

TEST(Whitespace, TrimsAndCollapsesWhatPeopleLeave) {
  EXPECT_EQ(trimmed(" \t\n\xc2\xa0\xef\xbb\xbf"
                    "a b\xe3\x80\x80\xe2\x80\x8b\r\n"),
            "a b");
  EXPECT_EQ(trimmed(" \n "), "");
  EXPECT_EQ(collapsed("  a \t\xc2\xa0 b\n\nc "), "a b c");
}

}  // namespace
}  // namespace luthier::data
