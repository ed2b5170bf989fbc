#include "cli/sources.h"

#include <gtest/gtest.h>

#include <fstream>

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

class FindFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "luthier-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* path :
         {"a.csv", "data/x.jsonl", "data/y.jsonl", "data/.hidden", "data/deep/z.jsonl", "data/n.txt"}) {
      fs::create_directories((folder_ / path).parent_path());
      std::ofstream(folder_ / path) << path;
    }
    fs::create_directories(folder_ / "empty");
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(FindFiles, ByNameFolderOrPattern) {
  struct Case {
    const char* pattern;
    std::vector<std::string> paths;  // empty: refused
  };
  for (const Case& item : std::vector<Case>{
           {"a.csv", {"a.csv"}},
           {"./a.csv", {"a.csv"}},
           {"data", {"deep/z.jsonl", "n.txt", "x.jsonl", "y.jsonl"}},
           {"data/", {"deep/z.jsonl", "n.txt", "x.jsonl", "y.jsonl"}},
           {"data/*.jsonl", {"x.jsonl", "y.jsonl"}},
           {"data/*", {"n.txt", "x.jsonl", "y.jsonl"}},
           {"data/*/z.jsonl", {"deep/z.jsonl"}},
           {"*/x.jsonl", {"data/x.jsonl"}},
           {"data/.hid*", {".hidden"}},
           {"data/*.csv", {}},
           {"empty", {}},
           {"nothing.csv", {}},
       }) {
    const auto files = find_files(folder_, item.pattern);
    EXPECT_EQ(files.has_value(), !item.paths.empty()) << item.pattern;
    std::vector<std::string> paths;
    if (files) {
      for (const LocalFile& file : *files) {
        paths.push_back(file.path);
        EXPECT_TRUE(fs::is_regular_file(file.place));
      }
    }
    EXPECT_EQ(paths, item.paths) << item.pattern;
  }
}

TEST_F(FindFiles, AnAbsolutePathIsTakenAsItIs) {
  const auto files = find_files("/nowhere", (folder_ / "a.csv").string());
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ((*files)[0].path, "a.csv");
}

TEST(Matches, StarsStandForAnyText) {
  const std::vector<std::tuple<const char*, const char*, bool>> table = {
      {"*", "", true},       {"*", "abc", true},           {"a*c", "abc", true},       {"a*c", "ac", true},
      {"a*c", "acb", false}, {"*.jsonl", "x.json", false}, {"a*b*c", "aXbYbZc", true}, {"", "", true},
      {"", "a", false},      {"a**", "a", true},           {"*a", "ba", true},         {"*a", "ab", false}};
  for (const auto& [pattern, name, expected] : table) {
    EXPECT_EQ(matches(pattern, name), expected) << pattern << " " << name;
  }
}

}  // namespace
}  // namespace luthier::cli
