#include "cli/model_arguments.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace luthier::cli {
namespace {

// `luthier models compare` has a --data of its own, and the program has one, too: the data folder.
TEST(ModelArguments, DataOfCompareIsTheFileAndAFolderIsTheDataFolder) {
  const std::string data = ::testing::TempDir() + "model_arguments_" + std::to_string(::getpid());
  std::filesystem::create_directories(data);
  const std::string file = data + "/f.jsonl";
  std::ofstream(file) << "{}\n";
  const struct {
    std::vector<std::string> arguments;
    std::string data;
    std::string file;
  } cases[] = {
      {{"models", "compare", "m@1", "m@2", "--data", file}, "", file},
      {{"--data", data, "models", "compare", "m@1", "m@2", "--data", file}, data, file},
      {{"models", "compare", "m@1", "m@2", "--data", file, "--data", data}, data, file},
      {{"models", "compare", "--data", data, "m@1", "m@2", "--data", file}, data, file},
      {{"models", "--data", data, "compare", "m@1", "m@2"}, data, ""},
      {{"models", "compare", "m@1", "m@2", "--data=absent.jsonl"}, "", "absent.jsonl"},
  };
  for (const auto& each : cases) {
    CLI::App app("program", "luthier");
    app.fallthrough();
    GlobalOptions global;
    ModelArguments arguments;
    Command chosen;
    app.add_option("--data", global.data, "data folder");
    add_model_commands(app, global, arguments, chosen);
    std::vector<std::string> reversed(each.arguments.rbegin(), each.arguments.rend());
    ASSERT_NO_THROW(app.parse(reversed));
    EXPECT_EQ(global.data, each.data);
    EXPECT_EQ(arguments.compare.data, each.file);
    EXPECT_EQ(arguments.compare.a, "m@1");
    EXPECT_TRUE(chosen);
  }
}

TEST(ModelArguments, TwoFilesToCompareOnAreRefused) {
  CLI::App app("program", "luthier");
  GlobalOptions global;
  ModelArguments arguments;
  Command chosen;
  add_model_commands(app, global, arguments, chosen);
  std::vector<std::string> reversed{"b.jsonl", "--data", "a.jsonl", "--data", "m@2", "m@1", "compare", "models"};
  EXPECT_THROW(app.parse(reversed), CLI::ValidationError);
}

}  // namespace
}  // namespace luthier::cli
