// docs/pipelines.md against the declaration: every key is described, every example works.
#include <gmock/gmock.h>

#include <sstream>

#include "base/file.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/functions.h"
#include "pipelines/spec/spec.h"
#include "pipelines/spec/value_type.h"

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

std::string row_of(const StepType& type, const Output& output) {
  return "| `" + type.name + "` | `" + output.name + "` | " + words(output.type) + " | " + output.doc + " |\n";
}

TEST(Docs, TableNamesEveryOutputWithItsType) {
  const std::string text = page();
  const std::size_t begin = text.find("\n### Outputs of all step types\n");
  ASSERT_NE(begin, std::string::npos);
  std::istringstream lines(text.substr(begin, text.find("\n##", begin + 1) - begin));
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    found += line.starts_with("| `") ? line + "\n" : "";
  }
  std::string declared;
  for (const StepType& type : step_types()) {
    for (const Output& output : type.outputs) {
      declared += row_of(type, output);
    }
  }
  EXPECT_EQ(found, declared);
}

std::string indented(const std::string& text, std::size_t width) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    result += std::string(width, ' ') + line + "\n";
  }
  return result;
}

// The frame without those of its steps (one line each) that the fragment has itself.
std::string frame_for(const std::string& fragment) {
  const auto frame = read_file(LUTHIER_SOURCE_DIR "/tests/specs/frame.yaml");
  LUTHIER_CHECK(frame.has_value());
  std::string kept;
  std::istringstream lines(*frame);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.starts_with("  ") ? line.substr(2, line.find(':') - 1) : "";
    if (name.empty() || ("\n" + fragment).find("\n" + name) == std::string::npos) {
      kept += line + "\n";
    }
  }
  return kept;
}

// An example as a whole file, by what its first line declares.
std::string completed(const std::string& example) {
  if (example.starts_with("# below steps:\n")) {
    return frame_for(example) + indented(example, 2);
  }
  if (example.starts_with("# in a step\n")) {
    return frame_for("") + "  example:\n" + indented(example, 4);
  }
  return example.starts_with("# in the file\n") ? frame_for("") + example : example;
}

std::vector<std::string> examples() {
  const std::string text = page();
  std::vector<std::string> found;
  for (std::size_t at = text.find("```yaml\n"); at != std::string::npos; at = text.find("```yaml\n", at + 1)) {
    found.push_back(completed(text.substr(at + 8, text.find("\n```", at) - at - 7)));
  }
  return found;
}

void expect_shown(const Shape& shape, const std::string& text, const std::string& where) {
  for (const Field& field : shape.fields) {
    EXPECT_NE(text.find(field.key + ":"), std::string::npos) << "no example sets " << where << "." << field.key;
    if (field.key != "from") {  // checkpoints of a training: nobody writes them
      expect_shown(field.shape, text, where + "." + field.key);
    }
  }
  for (const Shape& option : shape.options) {
    expect_shown(option, text, where);
  }
}

TEST(Docs, ExamplesParseAndPlan) {
  for (const std::string& example : examples()) {
    const ParsedSpec parsed = parse_spec(example, "example.yaml");
    for (const Diagnostic& error : parsed.errors) {
      ADD_FAILURE() << render(error, example);
    }
    if (parsed.spec) {
      for (const Diagnostic& error : plan::make_plan(*parsed.spec, {}, {}, plan::PlanMode::kOffline).errors) {
        ADD_FAILURE() << render(error, example);
      }
    }
  }
}

TEST(Docs, ExamplesShowEveryKeyAndFunction) {
  std::string all;
  for (const std::string& example : examples()) {
    all += example;
  }
  expect_shown(pipeline_shape(), all, "");
  for (const StepType& type : step_types()) {
    EXPECT_NE(all.find("uses: " + type.name), std::string::npos) << type.name;
    expect_shown(type.inputs, section(page(), type.name), type.name);
  }
  for (const Function& function : functions()) {
    EXPECT_NE(all.find(function.name + "("), std::string::npos) << function.name;
  }
}

}  // namespace
}  // namespace luthier::spec
