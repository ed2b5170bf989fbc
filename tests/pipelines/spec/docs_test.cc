// docs/pipelines.md against the declaration: every key is described, every example works.
#include <gmock/gmock.h>

#include "base/file.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/functions.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {
namespace {

std::string page() {
  auto text = read_file(LUTHIER_SOURCE_DIR "/docs/pipelines.md");
  LUTHIER_CHECK(text.has_value());
  return std::move(*text);
}

std::string section(const std::string& text, const std::string& heading) {
  const std::size_t begin = text.find("\n### " + heading + " (");
  LUTHIER_CHECK(begin != std::string::npos);
  return text.substr(begin, text.find("\n##", begin + 1) - begin);
}

void expect_keys(const Shape& shape, const std::string& text, const std::string& where) {
  for (const Field& field : shape.fields) {
    EXPECT_NE(text.find(field.key), std::string::npos) << where << "." << field.key << " is not in docs/pipelines.md";
    expect_keys(field.shape, text, where + "." + field.key);
  }
  for (const Shape& option : shape.options) {
    expect_keys(option, text, where);
  }
}

TEST(Docs, DescribeEveryKeyOutputAndFunction) {
  const std::string text = page();
  for (const StepType& type : step_types()) {
    const std::string own = section(text, type.name);
    expect_keys(type.inputs, own, type.name);
    for (const Output& output : type.outputs) {
      EXPECT_NE(own.find("`" + output.name + "`"), std::string::npos) << type.name << " output " << output.name;
    }
  }
  for (const Field& field : pipeline_shape().fields) {
    EXPECT_NE(text.find("`" + field.key + "`"), std::string::npos) << field.key;
    if (field.key == "steps" || field.key == "params") {
      expect_keys(field.shape, text, field.key);
    }
  }
  for (const Function& function : functions()) {
    EXPECT_NE(text.find("`" + function.name + "("), std::string::npos) << function.name;
  }
}

TEST(Docs, ExamplesParseAndPlan) {
  const std::string text = page();
  int examples = 0;
  for (std::size_t at = text.find("```yaml\n"); at != std::string::npos; at = text.find("```yaml\n", at + 1)) {
    const std::string example = text.substr(at + 8, text.find("\n```", at) - at - 7);
    const ParsedSpec parsed = parse_spec(example, "example.yaml");
    for (const Diagnostic& error : parsed.errors) {
      ADD_FAILURE() << render(error, example);
    }
    ASSERT_TRUE(parsed.spec.has_value());
    EXPECT_TRUE(plan::make_plan(*parsed.spec, {}, {}, plan::PlanMode::kOffline).plan.has_value());
    ++examples;
  }
  EXPECT_EQ(examples, 4);
}

}  // namespace
}  // namespace luthier::spec
