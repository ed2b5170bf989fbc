// POST /api/v1/runs/{run}/rerun over a real store and real artifacts.
#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

constexpr const char* kTwo =
    "name: t\n"
    "steps:\n"
    "  first: { uses: run, with: { command: echo first } }\n"
    "  second: { uses: run, needs: [first], with: { command: echo second } }\n";

class RerunTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    start();
    connect_agent("a-1");
  }
  void end(const std::string& run, const std::string& step, core::Outcome outcome, const Json& outputs = {}) {
    const AttemptId attempt{RunId{run}, StepId{step}, 1};
    wait_for_run(run, [&](const Json& found) { return step_of(found, step)["attempt"] == 1; });
    start_attempt(attempt, "a-1");
    runtime_->post(core::AttemptFinishedReport{.attempt = attempt,
                                               .agent = AgentId{"a-1"},
                                               .outcome = outcome,
                                               .outputs = outputs.is_null() ? Json::object() : outputs,
                                               .error_message = "it broke"});
    runtime_->post(core::AllocationReleasedReport{.attempt = attempt, .agent = AgentId{"a-1"}});
  }
  Json wait_for_end(const std::string& run) {
    return wait_for_run(run, [](const Json& found) { return found["status"] != "running"; });
  }
  // r-1: `first` succeeded with these outputs, `second` failed.
  void fail_a_run(const Json& outputs) {
    submit(kTwo);
    end("r-1", "first", core::Outcome::kSucceeded, outputs);
    end("r-1", "second", core::Outcome::kUserFailure);
    EXPECT_EQ(wait_for_end("r-1")["status"], "failed");
  }
  static Json step_of(const Json& run, const std::string& id) {
    for (const Json& step : run["steps"]) {
      if (step["id"] == id) {
        return step;
      }
    }
    return {};
  }
};

TEST_F(RerunTest, TakesOverWhatSucceededAndRunsTheRest) {
  fail_a_run({{"value", 7}});
  const RawResponse answer = post("/api/v1/runs/r-1/rerun", Json::object());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.json()["id"], "r-2");
  EXPECT_EQ(answer.json()["rerun_of"], "r-1");
  EXPECT_EQ(answer.json()["yaml"], kTwo);
  end("r-2", "second", core::Outcome::kSucceeded);
  const Json run = wait_for_end("r-2");
  EXPECT_EQ(run["status"], "succeeded");
  const Json first = step_of(run, "first");
  EXPECT_TRUE(first["attempts"].empty());
  EXPECT_EQ(first["outputs"], (Json{{"value", 7}}));
  EXPECT_EQ(first["cache"], (Json{{"taken_from", "r-1"}}));
  EXPECT_EQ(first["cached_from"], "r-1");
  EXPECT_EQ(get("/api/v1/runs").json()["runs"][0]["rerun_of"], "r-1");

  const RawResponse nothing = post("/api/v1/runs/r-2/rerun", Json::object());
  EXPECT_EQ(nothing.status, 409) << nothing.body;
  const RawResponse over = post("/api/v1/runs/r-2/rerun", {{"from", "second"}});
  ASSERT_EQ(over.status, 201) << over.body;
  EXPECT_EQ(step_of(over.json(), "first")["cached_from"], "r-1") << "r-1 made it, r-2 only took it over";
  EXPECT_EQ(step_of(over.json(), "first")["cache"], (Json{{"taken_from", "r-2"}}));
}

TEST_F(RerunTest, OutputsWhoseArtifactIsGoneAreMadeAgain) {
  const std::string artifact = put_artifact("dataset", "rows.jsonl", "{}\n");
  fail_a_run({{"rows", {{"$artifact", artifact}, {"kind", "dataset"}}}});
  ASSERT_TRUE(artifacts_->collect({}, clock_.now().wall_ms + 1'000'000, false).has_value());
  const RawResponse answer = post("/api/v1/runs/r-1/rerun", Json::object());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_NE(step_of(answer.json(), "first")["status"], "succeeded");
  EXPECT_EQ(step_of(answer.json(), "second")["status"], "waiting");
}

TEST_F(RerunTest, RefusesWhatItCannotDo) {
  submit(kTwo);
  EXPECT_EQ(post("/api/v1/runs/r-1/rerun", Json::object()).status, 409) << "it still runs";
  end("r-1", "first", core::Outcome::kUserFailure);
  wait_for_end("r-1");
  struct Case {
    std::string run;
    Json body;
    int status;
    const char* says;
  };
  for (const Case& c : std::vector<Case>{{"r-9", Json::object(), 404, "r-9"},
                                         {"r-1", {{"from", "firt"}}, 404, "did you mean 'first'"},
                                         {"r-1", {{"from", 3}}, 400, "'from'"}}) {
    const RawResponse answer = post("/api/v1/runs/" + c.run + "/rerun", c.body);
    EXPECT_EQ(answer.status, c.status) << answer.body;
    EXPECT_NE(answer.body.find(c.says), std::string::npos) << answer.body;
  }
  EXPECT_EQ(exchange(port(), "POST", "/api/v1/runs/r-1/rerun", "{}", key(kViewer)).status, 403);
}

}  // namespace
}  // namespace luthier::http
