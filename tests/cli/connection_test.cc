#include "cli/connection.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "luthier-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(folder_ / "url") << "http://from-file:1/\n";
    std::ofstream(folder_ / "admin.key") << "key-of-file\n";
    std::ofstream(folder_ / "other.key") << " key-of-flag \n";
    std::ofstream(folder_ / "broken.key") << "two\nlines";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
      const auto found = values.find(name);
      return found == values.end() ? std::nullopt : std::optional(found->second);
    };
  }

  fs::path folder_;
};

TEST_F(ConnectionTest, FlagsComeBeforeEnvironmentBeforeTheDataFolder) {
  const GlobalOptions by_data{.data = folder_.string()};
  const auto from_file = find_connection(by_data, environment({}));
  ASSERT_TRUE(from_file.has_value());
  EXPECT_EQ(from_file->url, "http://from-file:1");
  EXPECT_EQ(from_file->key, "key-of-file");
  const auto variables = environment({{"LUTHIER_URL", "http://env:2"}, {"LUTHIER_API_KEY", "key-of-env"}});
  EXPECT_EQ(find_connection(by_data, variables)->url, "http://env:2");
  EXPECT_EQ(find_connection(by_data, variables)->key, "key-of-env");
  const GlobalOptions flags{
      .url = "http://flag:3", .key_file = (folder_ / "other.key").string(), .data = folder_.string()};
  EXPECT_EQ(find_connection(flags, variables)->url, "http://flag:3");
  EXPECT_EQ(find_connection(flags, variables)->key, "key-of-flag");
  EXPECT_EQ(find_connection({}, environment({{"LUTHIER_DATA", folder_.string()}}))->key, "key-of-file");
}

TEST_F(ConnectionTest, SaysWhatIsMissingAndNeverTheKey) {
  const GlobalOptions nowhere{.data = "/nonexistent"};
  EXPECT_EQ(find_connection(nowhere, environment({})).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(find_connection(nowhere, environment({{"LUTHIER_URL", "http://x"}})).error().code,
            ErrorCode::kUnauthenticated);
  const GlobalOptions broken{.key_file = (folder_ / "broken.key").string(), .data = folder_.string()};
  const auto refused = find_connection(broken, environment({}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message.find("lines"), std::string::npos);
}

TEST_F(ConnectionTest, TheDataFolderHasADefault) {
  EXPECT_EQ(data_folder({}, environment({{"HOME", "/home/you"}})), "/home/you/.local/share/luthier");
  EXPECT_EQ(data_folder({}, environment({{"HOME", "/h"}, {"XDG_DATA_HOME", "/x"}})), "/x/luthier");
}

}  // namespace
}  // namespace luthier::cli
