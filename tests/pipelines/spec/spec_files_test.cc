// Each file of tests/specs/good parses and plans; each of tests/specs/bad gives exactly the errors that its first
// lines state: "# expect-error: line:column: message" (or ": message" for an error without a place).
#include "tests/pipelines/spec/spec_files.h"

#include <gmock/gmock.h>

#include <sstream>

#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {
namespace {

std::vector<std::string> expected_errors(const std::string& text) {
  static const std::string kMark = "# expect-error: ";
  std::vector<std::string> expected;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && line.starts_with(kMark);) {
    expected.push_back(line.substr(kMark.size()));
  }
  return expected;
}

std::string in_short(const Diagnostic& diagnostic) {
  const std::string text = to_string(diagnostic);
  return text.substr(diagnostic.file.size() + 1);  // "line:column: message", or " message"
}

// What `luthier check` finds: the file's own errors, and those of a plan with the defaults of its params.
std::vector<std::string> errors_of(const std::string& text, const std::string& name) {
  const ParsedSpec parsed = parse_spec(text, name);
  EXPECT_EQ(parsed.spec.has_value(), parsed.errors.empty());
  std::vector<Diagnostic> errors = parsed.errors;
  if (parsed.spec) {
    errors = plan::make_plan(*parsed.spec, {}, {}, plan::PlanMode::kOffline).errors;
  }
  std::vector<std::string> texts;
  for (const Diagnostic& error : errors) {
    texts.push_back(in_short(error));
  }
  return texts;
}

TEST(SpecFiles, GoodOnesParseAndPlan) {
  const auto files = test::spec_files("good");
  ASSERT_GE(files.size(), 20U);
  for (const test::SpecFile& file : files) {
    EXPECT_THAT(errors_of(file.text, file.name), testing::IsEmpty()) << file.name;
  }
}

TEST(SpecFiles, BadOnesGiveExactlyTheirStatedErrors) {
  const auto files = test::spec_files("bad");
  ASSERT_GE(files.size(), 60U);
  for (const test::SpecFile& file : files) {
    const std::vector<std::string> expected = expected_errors(file.text);
    EXPECT_FALSE(expected.empty()) << file.name << " states no error";
    EXPECT_EQ(errors_of(file.text, file.name), expected) << file.name;
  }
}

TEST(SpecFiles, ExamplesParseAndPlan) {
  const auto folder = std::filesystem::path(LUTHIER_SOURCE_DIR) / "pipelines" / "examples";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") {
      const auto text = read_file(entry.path());
      ASSERT_TRUE(text.has_value());
      EXPECT_THAT(errors_of(*text, entry.path().filename()), testing::IsEmpty()) << entry.path();
    }
  }
}

TEST(ParseSpec, TellsThatTriggersAndIntegrationsAreNotActive) {
  const ParsedSpec parsed = parse_spec(
      "name: a\n"
      "on: { schedule: { cron: \"0 3 * * MON\" } }\n"
      "integrations: { wandb: { project: p } }\n"
      "steps: { one: { uses: run, with: { command: ls } } }\n",
      "a.yaml");
  ASSERT_TRUE(parsed.spec.has_value());
  ASSERT_EQ(parsed.notes.size(), 2U);
  EXPECT_EQ(to_string(parsed.notes[0]), "a.yaml:2:1: 'on' is not active yet");
  EXPECT_EQ(to_string(parsed.notes[1]), "a.yaml:3:1: 'integrations' is not active yet");
  EXPECT_EQ(parsed.spec->triggers["schedule"]["cron"], "0 3 * * MON");
}

TEST(ParseSpec, KeepsTheFilesOrderAndPlaces) {
  const ParsedSpec parsed = parse_spec(
      "name: a\n"
      "steps:\n"
      "  zebra: { uses: run, with: { command: ls } }\n"
      "  ant:\n"
      "    uses: run\n"
      "    retry: 2\n"
      "    timeout: 1h30m\n"
      "    matrix: { z: [1, 2], a: [x] }\n"
      "    with: { command: [echo, hi] }\n",
      "a.yaml");
  ASSERT_TRUE(parsed.spec.has_value());
  ASSERT_EQ(parsed.spec->steps.size(), 2U);
  const Step& ant = parsed.spec->steps[1];
  EXPECT_EQ(parsed.spec->steps[0].name, "zebra");
  EXPECT_EQ(ant.at, (Position{4, 3}));
  EXPECT_EQ(ant.with.at("/command/1"), (Position{9, 29}));
  EXPECT_EQ(ant.retry.user, 2);
  EXPECT_EQ(ant.timeout, milliseconds{5'400'000});
  ASSERT_EQ(ant.matrix.size(), 2U);
  EXPECT_EQ(ant.matrix[0].name, "z");
}

TEST(Render, ShowsTheLineAndACaretUnderTheColumn) {
  const std::string source = "name: a\n\tstéps: 1\n";
  EXPECT_EQ(render({"f.yaml", {2, 9}, "bad"}, source), "f.yaml:2:9: bad\n  2 | \tstéps: 1\n    | \t      ^");
  EXPECT_EQ(render({"f.yaml", {}, "bad"}, source), "f.yaml: bad");
  EXPECT_EQ(render({"f.yaml", {99, 7}, "bad"}, source), "f.yaml:99:7: bad\n  99 | \n     | ^");
}

}  // namespace
}  // namespace luthier::spec
