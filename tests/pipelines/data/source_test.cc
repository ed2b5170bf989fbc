// Which files a source has, and what they hold, before they are read.
#include "pipelines/data/source.h"

#include <gtest/gtest.h>

#include "pipelines/data/whitespace.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

TEST(Source, NamesMembersInOrderOfFirstAppearance) {
  const struct {
    const char* file;
    const char* text;
    std::vector<std::string> names;
  } cases[] = {
      {"f.jsonl", "{\"a\":1,\"b\":2}\n\n{\"c\":[1],\"a\":null}\n{\"d\":\n", {"a", "b", "c"}},
      {"f.json", "[{\"a\":1},\n{\"b\":2}]", {"a", "b"}},
      {"f.jsonl", "{\"a\":1,\n\"b\":2}\n{\"c\":1}\n", {"a", "b", "c"}},
      {"f.csv",
       "\xef\xbb\xbf"
       "x, y\r\n1,2\r\n",
       {"x", " y"}},
      {"f.tsv", "x\ty\n", {"x", "y"}},
      {"f.txt", "x\ty\n", {"text"}},
  };
  const TemporaryFolder folder;
  for (const auto& test_case : cases) {
    const auto files = list_source(folder.write(test_case.file, test_case.text), std::nullopt);
    ASSERT_TRUE(files);
    const auto names = column_names(files->front());
    ASSERT_TRUE(names) << test_case.text << names.error().message;
    EXPECT_EQ(*names, test_case.names) << test_case.text;
  }
}

TEST(Source, ReadsAFolderInOrderOfNames) {
  const TemporaryFolder folder;
  folder.write("b.txt", "second");
  folder.write("a.txt", "first");
  folder.write("deep/c.JSONL", "{}");
  folder.write(".hidden/d.txt", "never");
  folder.write(".e.txt", "never");
  std::filesystem::create_symlink("/etc/hostname", folder.path() / "link.txt");
  const auto files = list_source(folder.path(), std::nullopt);
  ASSERT_TRUE(files) << files.error().message;
  std::vector<std::string> names;
  for (const SourceFile& file : *files) {
    names.push_back(file.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a.txt", "b.txt", "deep/c.JSONL"}));
  EXPECT_EQ(files->back().format, read::FileFormat::kJsonLines);
}

TEST(Source, SaysWhyItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_NE(list_source(folder.path(), std::nullopt).error().message.find("no files"), std::string::npos);
  EXPECT_FALSE(list_source(folder.path() / "missing", std::nullopt));
  folder.write("a.xyz", "x");
  const auto unknown = list_source(folder.path(), std::nullopt);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message.substr(0, 6), "a.xyz:");
  EXPECT_TRUE(list_source(folder.path(), read::FileFormat::kText));
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
