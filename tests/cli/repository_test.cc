#include "cli/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "base/child_process.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MatchesPath, PartByPart) {
  struct Case {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Case& item : std::vector<Case>{
           {"a.py", "a.py", true},
           {"a.py", "b/a.py", false},
           {"*.py", "a.py", true},
           {"*.py", "b/a.py", false},
           {"**/*.py", "a.py", true},
           {"**/*.py", "b/c/a.py", true},
           {"tools", "tools/x/y", true},
           {"tools/", "tools/x", true},
           {"tools/**", "tools/x/y", true},
           {"tools/*", "tools/x/y", true},
           {"tools/*.py", "tools/x/y", false},
           {"./a", "a", true},
           {"a/**/d", "a/b/c/d", true},
           {"a/**/d", "a/d", true},
           {"a/**/d", "a/b/c", false},
           {"**", "anything/at/all", true},
           {"tool", "tools/x", false},
       }) {
    EXPECT_EQ(matches_path(item.pattern, item.path), item.matches) << item.pattern << " " << item.path;
  }
}

class RepositoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "luthier-repo-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    git({"init", "-q"});
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  void git(std::vector<std::string> arguments) const {
    ChildOptions options{
        .argv = {"git", "-C", root_.string(), "-c", "user.name=me", "-c", "user.email=me@example.org"}};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + root_.string()};
    const auto pid = spawn_child(options);
    ASSERT_TRUE(pid) << pid.error().message;
    int status = -1;
    ASSERT_EQ(::waitpid(*pid, &status, 0), *pid);
    ASSERT_EQ(status, 0) << arguments.front();
  }
  void commit() const {
    git({"add", "-A"});
    git({"commit", "-q", "-m", "x"});
  }
  Repository repository() const {
    const auto found = find_repository(root_);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Repository{};
  }
  static std::string content(const LocalFile& file) {
    std::ifstream stream(file.place, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  fs::path root_;
};

TEST_F(RepositoryTest, SaysWhyThereIsNone) {
  EXPECT_THAT(find_repository(root_).error().message, HasSubstr("has no commit yet"));
  fs::remove_all(root_ / ".git");
  EXPECT_THAT(find_repository(root_).error().message, HasSubstr("not a git repository"));
}

TEST_F(RepositoryTest, TakesFilesAsTheyWereCommitted) {
  put("tools/run.sh", "#!/bin/sh\n");
  put("tools/empty", "");
  put("data/words.txt", "one\ntwo");
  put("README", "x");
  fs::permissions(root_ / "tools/run.sh", fs::perms(0755));
  fs::create_symlink("README", root_ / "tools/link");
  commit();
  put("data/words.txt", "changed");
  put("tools/new.sh", "new");
  fs::create_directories(root_ / "sub/folder");
  const auto found = find_repository(root_ / "sub/folder");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->root, root_);
  EXPECT_EQ(found->commit.size(), 40U);
  const std::vector<std::string> patterns{"tools", "**/*.txt"};
  fs::path folder;
  {
    const auto taken = CommittedFiles::take(*found, patterns);
    ASSERT_TRUE(taken) << taken.error().message;
    ASSERT_EQ(taken->files().size(), 3U);
    EXPECT_EQ(taken->files()[0].path, "data/words.txt");
    EXPECT_EQ(content(taken->files()[0]), "one\ntwo");
    EXPECT_FALSE(taken->files()[0].executable);
    EXPECT_EQ(taken->files()[1].path, "tools/empty");
    EXPECT_EQ(content(taken->files()[1]), "");
    EXPECT_EQ(taken->files()[2].path, "tools/run.sh");
    EXPECT_TRUE(taken->files()[2].executable);
    EXPECT_THAT(taken->left_out(), ElementsAre("tools/link"));
    folder = taken->files()[0].place.parent_path();
    EXPECT_TRUE(fs::exists(folder));
  }
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_THAT(*changed_files(*found, patterns), ElementsAre("data/words.txt", "tools/new.sh"));
  EXPECT_THAT(*changed_files(*found, {"README"}), IsEmpty());
}

TEST_F(RepositoryTest, APatternThatMeansNothingIsRefused) {
  put("a.txt", "a");
  commit();
  put("b.txt", "b");
  const Repository found = repository();
  EXPECT_THAT(CommittedFiles::take(found, {"a.txt", "c.txt"}).error().message,
              HasSubstr("matches 'c.txt'; patterns start at the repository's root"));
  EXPECT_THAT(CommittedFiles::take(found, {"b.txt"}).error().message, HasSubstr("not committed: commit it first"));
}

}  // namespace
}  // namespace luthier::cli
