// docs/data.md lists every code as it is declared.
#include <gtest/gtest.h>

#include <fstream>

#include "pipelines/data/check/codes.h"

namespace luthier::data::check {
namespace {

TEST(Docs, ListEveryCodeAsItIsDeclared) {
  std::ifstream file(std::string(LUTHIER_SOURCE_DIR) + "/docs/data.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const Code& code : all_codes()) {
    const std::string row = "| `" + std::string(code.name) + "` | " + std::string(name_of(code.severity)) + " | " +
                            std::string(code.meaning) + " | " + std::string(code.remedy) + " |\n";
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace luthier::data::check
