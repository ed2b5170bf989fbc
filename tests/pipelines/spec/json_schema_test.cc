#include "pipelines/spec/json_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/spec/declaration.h"

namespace luthier::spec {
namespace {

using namespace nlohmann::json_literals;

// After a change of the declaration: spec_test --gtest_filter='JsonSchema.*' prints where the new text was put.
TEST(JsonSchema, IsTheOneThatIsPublished) {
  const std::string path = LUTHIER_SOURCE_DIR "/pipelines/schema/pipeline.schema.json";
  const auto published = read_file(path);
  if (!published || *published != json_schema()) {
    const std::string made = testing::TempDir() + "pipeline.schema.json";
    ASSERT_TRUE(write_file_atomically(made, json_schema()).has_value());
    FAIL() << "pipelines/schema/pipeline.schema.json is not what the declaration says; copy " << made << " over it";
  }
}

TEST(JsonSchema, NamesEveryStepTypeAndItsInputs) {
  const auto schema = nlohmann::json::parse(json_schema());
  const auto step = schema.at("/properties/steps/additionalProperties"_json_pointer);
  ASSERT_EQ(step["allOf"].size(), step_types().size());
  for (std::size_t i = 0; i < step_types().size(); ++i) {
    const auto with = step["allOf"][i].at("/then/properties/with/properties"_json_pointer);
    for (const Field& field : step_types()[i].inputs.fields) {
      EXPECT_TRUE(with.contains(field.key)) << step_types()[i].name << "." << field.key;
    }
  }
}

}  // namespace
}  // namespace luthier::spec
