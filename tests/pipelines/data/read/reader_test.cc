#include "pipelines/data/read/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/data/read/pair_names.h"
#include "tests/pipelines/data/read/read_all.h"

namespace luthier::data::read {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  const char* name;
  FileFormat format;
  std::string bytes;
  std::vector<std::string> records;
  std::vector<std::string> problems;
  std::string error = "";
};

std::vector<Case> cases() {
  return {
      {"empty jsonl", FileFormat::kJsonLines, "", {}, {}},
      {"lines, blank ones between, no last line end",
       FileFormat::kJsonLines,
       "{\"a\":1}\n\n \n{\"b\":2}",
       {"1:1 {\"a\":1}", "4:1 {\"b\":2}"},
       {}},
      {"byte order mark and CRLF",
       FileFormat::kJsonLines,
       "\xef\xbb\xbf{\"a\":1}\r\n{\"b\":2}\r\n",
       {"1:1 {\"a\":1}", "2:1 {\"b\":2}"},
       {}},
      {"members keep their order, the last of two counts",
       FileFormat::kJsonLines,
       "{\"z\":1,\"a\":2,\"z\":3}\n",
       {"1:1 {\"z\":3,\"a\":2}"},
       {}},
      {"numbers beyond 64 bits",
       FileFormat::kJsonLines,
       "{\"a\":123456789012345678901234567890}\n",
       {"1:1 {\"a\":1.2345678901234568e+29}"},
       {}},
      {"a broken line costs itself only",
       FileFormat::kJsonLines,
       "{\"a\":1}\n{\"a\":1,}\n{\"a\":2}\n",
       {"1:1 {\"a\":1}", "3:1 {\"a\":2}"},
       {"f:2:7: a comma before } is not JSON; remove it [json_trailing_comma]"}},
      {"a line that is no object",
       FileFormat::kJsonLines,
       "{\"a\":1}\n\"a\"\n",
       {"1:1 {\"a\":1}"},
       {"f:2:1: a record must be an object like {\"messages\": […]}, and this is a text [data_type]"}},
      {"an array of objects",
       FileFormat::kJson,
       "[\n  {\"a\":1},\n  {\"b\":\n2}\n]\n",
       {"2:3 {\"a\":1}", "3:3 {\"b\":2}"},
       {}},
      {"objects one after the other",
       FileFormat::kJson,
       "{\n\"a\":1} {\"b\":2}",
       {"1:1 {\"a\":1}", "2:8 {\"b\":2}"},
       {}},
      {"a place inside an object of several lines",
       FileFormat::kJson,
       "[{\n  \"a\": 1,\n  \"b\": 2,\n}]",
       {},
       {"f:3:9: a comma before } is not JSON; remove it [json_trailing_comma]"}},
      {"commas where none belong",
       FileFormat::kJson,
       "[{\"a\":1},,{\"b\":2},]",
       {"1:2 {\"a\":1}", "1:11 {\"b\":2}"},
       {"f:1:10: this comma has no value before it; remove it [json_unexpected]",
        "f:1:19: a comma before ] is not JSON; remove it [json_trailing_comma]"}},
      {"a cut array",
       FileFormat::kJson,
       "[{\"a\":1}",
       {"1:2 {\"a\":1}"},
       {"f:1:9: the file ends inside an array, without its ]; was it cut off? [json_unfinished]"}},
      {"texts in an array are no records",
       FileFormat::kJson,
       "[\"a\", {\"b\":1}]",
       {"1:7 {\"b\":1}"},
       {"f:1:2: a record must be an object like {\"messages\": […]}, and this is a text [data_type]"}},
      {"csv",
       FileFormat::kCsv,
       "p,c\na,\"b \"\"x\"\"\n2\"\n\nd,\r\n",
       {"2:1 {\"p\":\"a\",\"c\":\"b \\\"x\\\"\\n2\"}", "5:1 {\"p\":\"d\",\"c\":\"\"}"},
       {}},
      {"tsv", FileFormat::kTsv, "p\tc\na,b\tc", {"2:1 {\"p\":\"a,b\",\"c\":\"c\"}"}, {}},
      {"a row of another width",
       FileFormat::kCsv,
       "p,c\na\nb,c,d\ne,f\n",
       {"4:1 {\"p\":\"e\",\"c\":\"f\"}"},
       {"f:2: the row has 1 fields, the header has 2; put fields that hold the separator in quotes [row_fields]",
        "f:3: the row has 3 fields, the header has 2; put fields that hold the separator in quotes [row_fields]"}},
      {"text after a closing quote",
       FileFormat::kCsv,
       "p,c\n\"a\"x,b\nc,d\n",
       {"3:1 {\"p\":\"c\",\"c\":\"d\"}"},
       {"f:2:4: text after a closing quote; double each quote that is part of the text [after_quote]"}},
      {"a quote that never closes",
       FileFormat::kCsv,
       "p,c\na,b\nc,\"d\n",
       {"2:1 {\"p\":\"a\",\"c\":\"b\"}"},
       {"f:3:3: this quote is never closed; close it, or double it if it is part of the text. Nothing after it was "
        "read "
        "[open_quote]"}},
      {"an empty csv",
       FileFormat::kCsv,
       "",
       {},
       {"f:1: the file is empty; its first line must name the columns [header]"}},
      {"latin-1 in a cell",
       FileFormat::kCsv,
       "p,c\ncaf\xe9,b\nc,d\n",
       {"3:1 {\"p\":\"c\",\"c\":\"d\"}"},
       {"f:2: byte 4 of field 1 is not UTF-8; save the file as UTF-8, or: iconv -f WINDOWS-1252 -t UTF-8 f "
        "[not_utf8]"}},
      {"text",
       FileFormat::kText,
       "a\n\n b \r\n\"c\"\\",
       {"1:1 {\"text\":\"a\"}", "3:1 {\"text\":\" b \"}", "4:1 {\"text\":\"\\\"c\\\"\\\\\"}"},
       {}},
      {"utf-16",
       FileFormat::kJsonLines,
       std::string("\xff\xfe{\0", 4),
       {},
       {},
       "f:1:1: this is UTF-16, and UTF-8 is needed; save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 f"},
      {"utf-16 without mark",
       FileFormat::kCsv,
       std::string("p\0,\0c\0", 6),
       {},
       {},
       "f:1:1: this is UTF-16, and UTF-8 is needed; save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 f"},
      {"binary that begins with zeros",
       FileFormat::kJsonLines,
       std::string("\0\0\0\x01\0\0\0\x02", 8),
       {},
       {},
       "f:1:1: this is binary data (byte 1 is zero), not text"},
      {"binary",
       FileFormat::kText,
       std::string("abc\0def", 7),
       {},
       {},
       "f:1:1: this is binary data (byte 4 is zero), not text"},
  };
}

TEST(Reader, ReadsEveryFormatAndSaysWhatIsWrong) {
  for (const Case& example : cases()) {
    for (const std::size_t chunk : {0, 1, 3, 7}) {
      SCOPED_TRACE(std::string(example.name) + ", " + std::to_string(chunk) + " bytes a read");
      const ReadAll all = read_all(example.bytes, example.format, chunk);
      EXPECT_EQ(all.records, example.records);
      EXPECT_EQ(all.problems, example.problems);
      EXPECT_EQ(all.error, example.error);
    }
  }
}

TEST(Reader, TellsJsonFromJsonLinesByTheContent) {
  const ReadAll array = read_all("[{\"a\":1},\n{\"a\":2}]", FileFormat::kJsonLines);
  EXPECT_EQ(array.format, FileFormat::kJson);
  EXPECT_THAT(array.records, ElementsAre("1:2 {\"a\":1}", "2:1 {\"a\":2}"));
  EXPECT_THAT(array.problems, ElementsAre(HasSubstr("holds one JSON array; it was read as such")));

  const ReadAll pretty = read_all("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", FileFormat::kJsonLines);
  EXPECT_EQ(pretty.format, FileFormat::kJson);
  EXPECT_THAT(pretty.records, ElementsAre("1:1 {\"a\":1}", "4:1 {\"a\":2}"));

  const ReadAll lines = read_all("{\"a\":1}\n{\"a\":\n{\"a\":2}\n", FileFormat::kJson);
  EXPECT_EQ(lines.format, FileFormat::kJsonLines) << "so that one broken line costs itself only";
  EXPECT_THAT(lines.records, ElementsAre("1:1 {\"a\":1}", "3:1 {\"a\":2}"));
}

TEST(Reader, BatchesAreTheSameHoweverTheBytesCome) {
  std::string bytes;
  for (int i = 0; bytes.size() < 3 * kBatchBytes; ++i) {
    bytes += "{\"messages\":[\"" + std::string(static_cast<std::size_t>(i) % 997, 'x') + "\"]}\n";
  }
  const auto borders = [&](std::size_t chunk) {
    auto reader = open_reader(from_memory(bytes, chunk), {FileFormat::kJsonLines, "f", {}});
    std::vector<std::size_t> sizes;
    Batch batch;
    while (*(*reader)->next(batch)) {
      sizes.push_back(batch.records.size());
      EXPECT_EQ(batch.number, static_cast<std::int64_t>(sizes.size()) - 1);
    }
    return sizes;
  };
  EXPECT_EQ(borders(0), borders(977));
  EXPECT_GE(borders(0).size(), 3U);
}

TEST(Reader, ReadsALineLongerThanABatch) {
  const std::string text(5 * kBatchBytes, 'x');
  const ReadAll all = read_all("{\"a\":\"" + text + "\"}\n{\"a\":1}\n", FileFormat::kJsonLines);
  ASSERT_EQ(all.records.size(), 2U);
  EXPECT_EQ(all.records[0].size(), text.size() + 12);
  EXPECT_EQ(all.records[1], "2:1 {\"a\":1}");
}

TEST(Reader, NestingIsBounded) {
  const std::string deep(100'000, '[');
  const ReadAll all = read_all("{\"a\":" + deep + "\n", FileFormat::kJsonLines);
  EXPECT_THAT(all.problems, ElementsAre(HasSubstr("nested more than 128 deep [json_depth]")));
}

TEST(FileFormatOf, GoesByTheExtensionUnderTheCompression) {
  EXPECT_EQ(file_format_of("a/b.JSONL.gz"), FileFormat::kJsonLines);
  EXPECT_EQ(file_format_of("b.csv.zst"), FileFormat::kCsv);
  EXPECT_EQ(file_format_of("b.ndjson"), FileFormat::kJsonLines);
  EXPECT_EQ(file_format_of("b.gz"), std::nullopt);
  EXPECT_EQ(file_format_of("b"), std::nullopt);
}

TEST(OpenReader, NamesWhatItCannotOpen) {
  EXPECT_THAT(open_reader("/no/such.jsonl", {}).error().message, HasSubstr("/no/such.jsonl: cannot be opened"));
  EXPECT_THAT(open_reader("/tmp", {}).error().message, HasSubstr("not a file but a folder"));
  EXPECT_THAT(open_reader("/etc/hostname", {}).error().message, HasSubstr("the extension does not say the format"));
}

TEST(PairNames, AreThoseThatPeopleGive) {
  struct Names {
    const char* record;
    const char* prompt;  // null: it is no pair
    const char* completion;
    RecordKind kind;
  };
  for (const Names& test : {
           Names{R"({"prompt": "p", "completion": "c"})", "prompt", "completion", RecordKind::kPromptCompletion},
           Names{R"({"prompt": "p"})", "prompt", "completion", RecordKind::kPromptCompletion},
           Names{R"({"text": "t", "label": "l"})", "text", "label", RecordKind::kPromptCompletion},
           Names{R"({"id": 1, "Answer": "a", "QUESTION": "q"})", "QUESTION", "Answer", RecordKind::kPromptCompletion},
           Names{R"({"text": "t"})", nullptr, nullptr, RecordKind::kText},
           Names{R"({"label": "l"})", nullptr, nullptr, RecordKind::kUnknown},
           Names{R"({"texts": "t", "labels": "l"})", nullptr, nullptr, RecordKind::kUnknown},
           Names{R"({"messages": [], "text": "t", "label": "l"})", "text", "label", RecordKind::kGraderData},
       }) {
    SCOPED_TRACE(test.record);
    const Json record = Json::parse(test.record);
    EXPECT_EQ(kind_of(record), test.kind);
    const auto names = find_pair_names(record);
    ASSERT_EQ(names.has_value(), test.prompt != nullptr);
    if (names) {
      EXPECT_EQ(names->prompt, test.prompt);
      EXPECT_EQ(names->completion, test.completion);
    }
  }
}

}  // namespace
}  // namespace luthier::data::read
