#include "cli/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::cli {
namespace {

using ::testing::HasSubstr;

TEST(Artifacts, AnOutputIsFoundByItsPath) {
  const Json base{{"$artifact", "sha256:b"}, {"kind", "model"}};
  const Json adapter{{"$artifact", "sha256:a"}, {"kind", "adapter"}};
  const Json outputs{{"report", {{"$artifact", "sha256:r"}, {"kind", "report"}}},
                     {"model", {{"base", base}, {"adapter", adapter}, {"name", nullptr}}},
                     {"whole", {{"base", base}, {"adapter", nullptr}}},
                     {"loss", 1.5}};
  EXPECT_EQ(digest_at(outputs, "report").value(), "sha256:r");
  EXPECT_EQ(digest_at(outputs, "model").value(), "sha256:a");
  EXPECT_EQ(digest_at(outputs, "model/base").value(), "sha256:b");
  EXPECT_EQ(digest_at(outputs, "whole").value(), "sha256:b");
  const struct {
    const char* path;
    const char* message;
  } cases[] = {
      {"modle", "there is no output 'modle'; there are: loss, model, report, whole"},
      {"loss", "'loss' is no stored folder"},
      {"loss/x", "there is no output 'x'; there are: nothing"},
      {"", "'' is no stored folder; name one of: loss, model, report, whole"},
      {"model/name", "is no stored folder"},
      {"report//", "there is no output ''"},
  };
  for (const auto& [path, message] : cases) {
    ASSERT_FALSE(digest_at(outputs, path)) << path;
    EXPECT_THAT(digest_at(outputs, path).error().message, HasSubstr(message)) << path;
  }
  EXPECT_FALSE(digest_at(Json(), "x"));
}

}  // namespace
}  // namespace luthier::cli
