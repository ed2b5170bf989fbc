#include "agents/run/command_step.h"

#include "agents/run/inputs.h"
#include "agents/run/launch.h"
#include "tests/agents/run/fake_blobs.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class CommandStepTest : public FolderTest {
 protected:
  // What the step ends with, when its command left `work` as it is now and reported this.
  Result<Json> outputs(const Json& with, Json reported = nullptr) const {
    return add_declared_outputs(folder_ / "work", with, std::move(reported));
  }
  Cancel cancel_;
  FakeBlobs blobs_;
};

TEST_F(CommandStepTest, FilesAreCopiesThatTheCommandMayChangeAndProgramsStayPrograms) {
  ArtifactCache cache(folder_ / "cache", blobs_, 1 << 20);
  const std::string files =
      blobs_.add("source", {{"tools/build.sh", "#!/bin/sh\n"}, {"a.txt", "a"}}, {"tools/build.sh"});
  const Assignment assignment{
      .attempt = {RunId{"r-1"}, StepId{"s"}, 1},
      .uses = "run",
      .with = {{"command", "x"}, {"files", {{"$artifact", files}, {"kind", "source"}}}, {"workdir", "tools/"}},
      .timeout = milliseconds(0)};
  const auto prepared = prepare_inputs(folder_, assignment, cache, cancel_);
  ASSERT_TRUE(prepared) << prepared.error().message;
  put("work/a.txt", "changed");
  EXPECT_EQ(get(folder_ / "cache/artifacts" / files.substr(7) / "a.txt"), "a");
  const auto mode = [&](const char* name) {
    return static_cast<unsigned>(std::filesystem::status(folder_ / "work" / name).permissions());
  };
  EXPECT_EQ(mode("tools/build.sh"), 0755U);
  EXPECT_EQ(mode("a.txt"), 0644U);
  // An agent that was restarted meanwhile prepares them again.
  EXPECT_TRUE(prepare_inputs(folder_, assignment, cache, cancel_));
  EXPECT_EQ(get(folder_ / "work/a.txt"), "a");
  const auto launch = make_launch(folder_, assignment, "0123", {}, {});
  ASSERT_TRUE(launch) << launch.error().message;
  EXPECT_EQ(launch->workdir, folder_ / "work/tools");
  EXPECT_THAT(launch->environment, Contains("LUTHIER_WORK=" + (folder_ / "work").string()));
  EXPECT_THAT(launch->environment, Contains("TMPDIR=" + (folder_ / "work/tmp").string()));
}

TEST_F(CommandStepTest, TheFolderToRunInIsOneOfTheFilesOrANewOne) {
  EXPECT_TRUE(place_files(folder_ / "work", {{"workdir", "new/one"}}));
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "work/new/one"));
  put("files/tools/x", "x");
  const Json files{{"$path", (folder_ / "files").string()}};
  EXPECT_TRUE(place_files(folder_ / "work", {{"files", files}, {"workdir", "tools"}}));
  EXPECT_EQ(place_files(folder_ / "work", {{"files", files}, {"workdir", "tols"}}).error().message,
            "`workdir`: the step's files have no folder 'tols'");
  for (const char* path : {"../x", "/etc", "a/../../b"}) {
    EXPECT_EQ(command_folder(folder_, {{"workdir", path}}).error().code, ErrorCode::kInvalidArgument) << path;
  }
}

TEST_F(CommandStepTest, DeclaredOutputsJoinWhatTheCommandReported) {
  put("work/tools/out/report.md", "fine");
  put("work/tools/values.json", R"({"score": 0.5, "rows": 7, "tags": ["a"], "other": null})");
  const Json with{{"workdir", "tools"},
                  {"values", "./values.json"},
                  {"outputs",
                   {{"report", {{"path", "out"}, {"kind", "report"}}},
                    {"file", "out/report.md"},
                    {"score", {{"type", "float"}}},
                    {"rows", {{"type", "int"}}},
                    {"tags", {{"type", "list"}}}}}};
  const auto all = outputs(with, {{"said", 1}});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(*all, (Json{{"said", 1},
                        {"report", {{"$path", "tools/out"}, {"kind", "report"}}},
                        {"file", {{"$path", "tools/out/report.md"}, {"kind", "source"}}},
                        {"score", 0.5},
                        {"rows", 7},
                        {"tags", {"a"}}}));
  EXPECT_EQ(*outputs(Json::object(), {{"said", 1}}), (Json{{"said", 1}}));
}

TEST_F(CommandStepTest, SaysWhichDeclaredOutputIsMissingOrOfAnotherType) {
  put("work/values.json", R"({"score": "high"})");
  put("work/list.json", "[1]");
  struct Case {
    Json with;
    const char* message;
  };
  const std::vector<Case> cases{
      {{{"outputs", {{"report", "report.md"}}}},
       "the command left no 'report.md', which `outputs.report` declares (looked in its folder '.')"},
      {{{"outputs", {{"report", "../work"}}}}, "`outputs.report`: '../work' must be a relative path without '..'"},
      {{{"values", "values.json"}, {"outputs", {{"score", {{"type", "float"}}}}}},
       "output 'score' in 'values.json' is \"high\", but it is declared as float"},
      {{{"values", "values.json"}, {"outputs", {{"rows", {{"type", "int"}}}}}},
       "output 'rows' is not in 'values.json'; the command must write it there"},
      {{{"values", "list.json"}, {"outputs", {{"rows", {{"type", "int"}}}}}},
       "'list.json', which `values` names, is not a JSON object"},
  };
  for (const Case& each : cases) {
    const auto result = outputs(each.with);
    ASSERT_FALSE(result) << each.message;
    EXPECT_EQ(result.error().message, each.message);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(outputs({{"values", "none.json"}, {"outputs", {{"rows", {{"type", "int"}}}}}}).error().message,
              HasSubstr("the command left no file 'none.json', which `values` names"));
}

}  // namespace
}  // namespace luthier::agents
