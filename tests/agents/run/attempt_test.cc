// What becomes of an assignment on disk: folder, job.json, launch, uploads.
#include "agents/run/attempt_folder.h"
#include "agents/run/inputs.h"
#include "agents/run/launch.h"
#include "agents/run/upload.h"
#include "tests/agents/run/fake_blobs.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Assignment assignment_of(const std::string& uses, Json with = Json::object()) {
  return Assignment{.attempt = {RunId{"r-1"}, StepId{"train[lr=0.1]"}, 2},
                    .uses = uses,
                    .with = std::move(with),
                    .gpus = {1, 3},
                    .cpus = 1.5,
                    .timeout = milliseconds(60'000),
                    .resume_step = 50};
}

class AttemptTest : public FolderTest {
 protected:
  FakeBlobs blobs_;
  Cancel cancel_;
};

TEST(AttemptFolderNameTest, is_safe_and_unique) {
  const auto name = [](const std::string& run, const std::string& step) {
    return attempt_folder_name({RunId{run}, StepId{step}, 1});
  };
  EXPECT_EQ(name("r-1", "train"), "r-1.train.1");
  EXPECT_EQ(name("r-1", "../../etc/passwd").find('/'), std::string::npos);
  EXPECT_NE(name("r-1", "train[lr=0.1]"), name("r-1", "train[lr=0_1]"));
  EXPECT_NE(name("r-1", std::string(200, 'x')), name("r-1", std::string(201, 'x')));
}

TEST_F(AttemptTest, keeps_assignment_and_nonce_over_a_restart) {
  const Assignment assignment = assignment_of("train", {{"data", {{"$artifact", "x"}}}});
  const std::filesystem::path attempt = folder_ / "attempts/one";
  const auto created = create_attempt_folder(attempt, assignment);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->nonce.size(), 32u);
  const auto again = create_attempt_folder(attempt, assignment);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->nonce, created->nonce);
  const auto read = read_attempt_file(attempt);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->assignment, assignment);
  EXPECT_EQ(read_stop_reason(attempt), std::nullopt);
  ASSERT_TRUE(write_stop_reason(attempt, StopReason::kSuperseded));
  EXPECT_EQ(read_stop_reason(attempt), StopReason::kSuperseded);
}

TEST_F(AttemptTest, clears_away_what_is_no_attempt) {
  ASSERT_TRUE(create_attempt_folder(folder_ / "attempts/one", assignment_of("train")));
  put("attempts/half-removed/work/file", "x");
  EXPECT_THAT(list_attempt_folders(folder_ / "attempts"), ElementsAre(folder_ / "attempts/one"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "attempts/half-removed"));
}

TEST_F(AttemptTest, writes_the_job_with_every_artifact_as_a_folder) {
  ArtifactCache cache(folder_ / "cache", blobs_, 1 << 20);
  const std::string data = blobs_.add("dataset", {{"data.jsonl", "{}\n"}});
  const std::string checkpoint = blobs_.add("checkpoint", {{"trainer_state.json", "{}"}});
  Assignment assignment = assignment_of(
      "train",
      {{"data", {{"$artifact", data}, {"kind", "dataset"}}}, {"list", {{{"$artifact", data}}, 7}}, {"epochs", 3}});
  assignment.resume_artifact = checkpoint;
  EXPECT_THAT(artifacts_of(assignment), ElementsAre(data, data, checkpoint));
  const auto prepared = prepare_inputs(folder_, assignment, cache, cancel_);
  ASSERT_TRUE(prepared) << prepared.error().message;
  const Json job = Json::parse(get(folder_ / "job.json"));
  const std::string path = (folder_ / "cache/artifacts" / data.substr(7)).string();
  EXPECT_EQ(job["with"]["data"], (Json{{"$path", path}, {"$artifact", data}, {"kind", "dataset"}}));
  EXPECT_EQ(job["with"]["list"][0]["$path"], path);
  EXPECT_EQ(job["with"]["epochs"], 3);
  EXPECT_EQ(job["resume"]["step"], 50);
  EXPECT_EQ(get(std::filesystem::path(job["resume"]["$path"].get<std::string>()) / "trainer_state.json"), "{}");
  EXPECT_EQ(job["threads"], 2);
  EXPECT_EQ(job["gpus"], (Json{1, 3}));
  EXPECT_EQ(job["attempt"], 2);
}

TEST_F(AttemptTest, links_the_inputs_of_a_command) {
  ArtifactCache cache(folder_ / "cache", blobs_, 1 << 20);
  const std::string data = blobs_.add("dataset", {{"data.jsonl", "{}\n"}});
  ASSERT_TRUE(
      prepare_inputs(folder_, assignment_of("run", {{"inputs", {{"rows", {{"$artifact", data}}}}}}), cache, cancel_));
  EXPECT_EQ(get(folder_ / "work/inputs/rows/data.jsonl"), "{}\n");
  const auto refused =
      prepare_inputs(folder_, assignment_of("run", {{"inputs", {{"../up", {{"$artifact", data}}}}}}), cache, cancel_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

struct ProgramCase {
  const char* uses;
  Json with;
  std::vector<std::string> argv;
};

TEST_F(AttemptTest, chooses_the_program_by_step_type) {
  const Programs programs{"/bin/shim", "/bin/cat", "/bin/true"};
  const ProgramCase cases[] = {
      {"prepare", {}, {"/bin/true", "prepare"}},
      {"train", {}, {"/bin/cat", "train"}},
      {"eval", {}, {"/bin/cat", "eval"}},
      {"serve", {}, {"/bin/cat", "serve"}},
      {"run", {{"command", "echo $HOME"}}, {"/bin/sh", "-c", "echo $HOME"}},
      {"run", {{"command", {"python3", "a b.py"}}}, {"python3", "a b.py"}},
  };
  for (const ProgramCase& one : cases) {
    const auto launch = make_launch(folder_, assignment_of(one.uses, one.with.is_null() ? Json::object() : one.with),
                                    "nonce", programs, {});
    ASSERT_TRUE(launch) << launch.error().message;
    EXPECT_EQ(launch->argv, one.argv) << one.uses;
  }
}

TEST_F(AttemptTest, says_which_program_is_missing) {
  const auto launch =
      make_launch(folder_, assignment_of("train"), "nonce", {"/bin/shim", "/no/worker", "/no/prep"}, {});
  ASSERT_FALSE(launch);
  EXPECT_THAT(launch.error().message, HasSubstr("/no/worker"));
  EXPECT_THAT(launch.error().message, HasSubstr("--worker"));
  EXPECT_FALSE(make_launch(folder_, assignment_of("dance"), "nonce", {}, {}));
  EXPECT_FALSE(make_launch(folder_, assignment_of("run", {{"command", 7}}), "nonce", {}, {}));
}

TEST_F(AttemptTest, gives_a_command_its_variables_but_never_other_gpus) {
  const Json env{{"COLOUR", "red"},
                 {"CUDA_VISIBLE_DEVICES", "0,1,2"},
                 {"CUDA_DEVICE_ORDER", "FASTEST_FIRST"},
                 {"LUTHIER_JOB", "/etc"},
                 {"LANG", "C"}};
  const auto launch = make_launch(folder_, assignment_of("run", {{"command", "true"}, {"env", env}}), "nonce", {}, {});
  ASSERT_TRUE(launch);
  EXPECT_THAT(launch->environment, Contains("COLOUR=red"));
  EXPECT_THAT(launch->environment, Contains("LANG=C"));
  EXPECT_THAT(launch->environment, Not(Contains("LANG=C.UTF-8")));
  EXPECT_THAT(launch->environment, Contains("CUDA_VISIBLE_DEVICES=1,3"));
  EXPECT_THAT(launch->environment, Contains("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
  EXPECT_THAT(launch->environment, Contains("LUTHIER_JOB=" + (folder_ / "job.json").string()));
}

TEST_F(AttemptTest, uploads_outputs_and_only_what_is_missing) {
  ArtifactCache cache(folder_ / "cache", blobs_, 1 << 20);
  put("work/model/config.json", "config");
  put("work/model/weights", "weights");
  blobs_.add("other", {{"x", "config"}});
  const std::string base = blobs_.add("model", {{"base", "base"}});
  const auto base_path = cache.fetch(base, {}, cancel_).value().path;
  const Json outputs{{"model",
                      {{"adapter", {{"$path", "model"}, {"kind", "adapter"}}},
                       {"base", {{"$path", base_path.string()}, {"kind", "model"}}}}},
                     {"absolute", {{"$path", (folder_ / "work/model").string()}, {"kind", "adapter"}}},
                     {"kept", {{"$artifact", base}, {"$path", "/anything"}, {"kind", "model"}}},
                     {"loss", 0.5}};
  blobs_.outages_left = 2;
  const auto uploaded = upload_outputs(blobs_, cache, folder_ / "work", outputs, cancel_);
  ASSERT_TRUE(uploaded) << uploaded.error().message;
  const std::string adapter = (*uploaded)["model"]["adapter"]["$artifact"];
  EXPECT_TRUE(blobs_.has_artifact(adapter));
  EXPECT_EQ((*uploaded)["absolute"], (Json{{"$artifact", adapter}, {"kind", "adapter"}}));
  EXPECT_EQ((*uploaded)["model"]["base"], (Json{{"$artifact", base}, {"kind", "model"}}));
  EXPECT_EQ((*uploaded)["kept"], (Json{{"$artifact", base}, {"kind", "model"}}));
  EXPECT_EQ((*uploaded)["loss"], 0.5);
  EXPECT_THAT(blobs_.uploads, ElementsAre(sha256_digest("weights")));
}

TEST_F(AttemptTest, refuses_outputs_outside_of_the_working_folder) {
  ArtifactCache cache(folder_ / "cache", blobs_, 1 << 20);
  put("work/file", "x");
  put("secret/file", "x");
  std::filesystem::create_directory_symlink(folder_ / "secret", folder_ / "work/link");
  for (const char* path : {"../secret", "/etc", "link", ".", "missing"}) {
    const auto uploaded =
        upload_outputs(blobs_, cache, folder_ / "work", {{"x", {{"$path", path}, {"kind", "source"}}}}, cancel_);
    EXPECT_FALSE(uploaded) << path;
  }
}

TEST_F(AttemptTest, uploads_a_checkpoint_and_its_weights_apart) {
  put("work/checkpoint-5/trainer_state.json", "{}");
  put("work/checkpoint-5/adapter/adapter_model.safetensors", "weights");
  const auto uploaded = upload_checkpoint(blobs_, folder_ / "work", "checkpoint-5", cancel_);
  ASSERT_TRUE(uploaded) << uploaded.error().message;
  EXPECT_EQ(uploaded->model_kind, "adapter");
  EXPECT_TRUE(blobs_.has_artifact(uploaded->artifact));
  EXPECT_TRUE(blobs_.has_artifact(uploaded->model));
  EXPECT_NE(uploaded->artifact, uploaded->model);
  put("work/empty/trainer_state.json", "{}");
  EXPECT_FALSE(upload_checkpoint(blobs_, folder_ / "work", "empty", cancel_));
}

}  // namespace
}  // namespace luthier::agents
