#include "controller/store/read_models.h"

#include "controller/core/state.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::HasSubstr;

const RunId kRun{"r-1"};
const StepId kPrepare{"prepare"};
const StepId kTrain{"train"};
const StepId kPromote{"promote"};

core::Event submitted() {
  plan::Plan plan;
  plan.pipeline = "sports";
  plan.commit = "0123abc";
  plan.params = {{"epochs", 3}};
  for (const auto& [id, uses, needs] : std::vector<std::tuple<StepId, std::string, std::vector<StepId>>>{
           {kTrain, "train", {}}, {kPrepare, "prepare", {}}, {kPromote, "promote", {kPrepare, kTrain}}}) {
    plan::Step step;
    step.id = id;
    step.name = id.value;
    step.uses = uses;
    step.needs = needs;
    step.with = {{"x", "${{ later }}"}};
    plan.steps.push_back(step);
  }
  return core::RunSubmitted{kRun, plan, "name: sports\n", "sports.yaml", "ann"};
}

class ReadModelsTest : public StoreTest {
 protected:
  ReadModelsTest() { commit({submitted()}); }
  Json run() {
    auto found = store_->get_run("r-1");
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Json();
  }
  Json step(const StepId& id) {
    const Json whole = run();
    for (const Json& found : whole["steps"]) {
      if (found["id"] == id.value) {
        return found;
      }
    }
    return {};
  }
};

TEST_F(ReadModelsTest, ASubmittedRunShowsAllItsStepsInThePlansOrder) {
  Json found = run();
  const Json steps = std::exchange(found["steps"], Json());
  EXPECT_EQ(found, (Json{{"id", "r-1"},
                         {"pipeline", "sports"},
                         {"file", "sports.yaml"},
                         {"status", "running"},
                         {"commit", "0123abc"},
                         {"submitted_by", "ann"},
                         {"created_at", "2023-11-14T22:13:21.000Z"},
                         {"finished_at", nullptr},
                         {"params", {{"epochs", 3}}},
                         {"rerun_of", nullptr},
                         {"yaml", "name: sports\n"},
                         {"steps", nullptr}}));
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0]["id"], "train");
  EXPECT_EQ(steps[1]["id"], "prepare");
  EXPECT_EQ(steps[2], (Json{{"id", "promote"},
                            {"name", "promote"},
                            {"uses", "promote"},
                            {"status", "waiting"},
                            {"reason", ""},
                            {"needs", {"prepare", "train"}},
                            {"attempt", 0},
                            {"attempts", Json::array()},
                            {"started_at", nullptr},
                            {"finished_at", nullptr},
                            {"outputs", Json::object()},
                            {"with", {{"x", "${{ later }}"}}},
                            {"checkpoints", Json::array()},
                            {"cache", nullptr},
                            {"cached_from", nullptr},
                            {"progress", nullptr}}));
}

TEST_F(ReadModelsTest, AStepGoesThroughItsStates) {
  const AttemptId attempt{kRun, kTrain, 1};
  struct Case {
    core::Event event;
    std::string status, reason;
  };
  for (const Case& c : {
           Case{core::StepReady{kRun, kTrain, {{"x", 1}}}, "ready", ""},
           Case{core::AttemptAssigned{attempt, {AgentId{"a-1"}, 1, 0, {}}, "", 0}, "assigned", ""},
           Case{core::AttemptStarted{attempt, 42}, "running", ""},
           Case{core::CheckpointCommitted{attempt, {10, "sha256:c", "sha256:m", "adapter", {{"loss", 0.5}}}}, "running",
                ""},
           Case{core::AttemptEnded{attempt, core::Outcome::kInfrastructureFailure, 0, 9, "lost", "killed"}, "running",
                ""},
           Case{core::StepRetrying{kRun, kTrain, core::Outcome::kInfrastructureFailure, kStartMs}, "ready",
                "will be tried again, not before 2023-11-14T22:13:20.000Z, after an infrastructure failure"},
           Case{core::AttemptAssigned{{kRun, kTrain, 2}, {AgentId{"a-2"}, 1, 0, {}}, "sha256:c", 10}, "assigned", ""},
           Case{core::AttemptStarted{{kRun, kTrain, 2}, 43}, "running", ""},
           Case{core::AttemptStarted{attempt, 44}, "running", ""},  // a late word of the first attempt
           Case{core::AttemptEnded{{kRun, kTrain, 2}, core::Outcome::kSucceeded, 0, 0, "", "", {{"cpu_seconds", 2.5}}},
                "running", ""},
           Case{core::StepSucceeded{kRun, kTrain, {{"loss", 0.25}}}, "succeeded", ""},
       }) {
    SCOPED_TRACE(core::event_name(c.event));
    commit({c.event});
    EXPECT_EQ(step(kTrain)["status"], c.status);
    EXPECT_EQ(step(kTrain)["reason"], c.reason);
  }
  const Json found = step(kTrain);
  EXPECT_EQ(found["attempt"], 2);
  EXPECT_EQ(found["with"], (Json{{"x", 1}}));
  EXPECT_EQ(found["outputs"], (Json{{"loss", 0.25}}));
  EXPECT_EQ(found["started_at"], time_of(4));
  EXPECT_EQ(found["finished_at"], time_of(12));
  EXPECT_EQ(found["checkpoints"], (Json{{{"step", 10},
                                         {"artifact", "sha256:c"},
                                         {"metrics", {{"loss", 0.5}}},
                                         {"model", "sha256:m"},
                                         {"model_kind", "adapter"},
                                         {"attempt", 1}}}));
  ASSERT_EQ(found["attempts"].size(), 2U);
  EXPECT_EQ(found["attempts"][1], (Json{{"number", 2},
                                        {"agent", "a-2"},
                                        {"status", "succeeded"},
                                        {"started_at", time_of(9)},
                                        {"ended_at", time_of(11)},
                                        {"exit_code", 0},
                                        {"signal", 0},
                                        {"error_code", ""},
                                        {"error_message", ""},
                                        {"resume_step", 10},
                                        {"usage", {{"cpu_seconds", 2.5}}},
                                        {"ranks", Json::array()}}));
  EXPECT_EQ(found["attempts"][0]["status"], "infrastructure_failure");
  EXPECT_EQ(found["attempts"][0]["signal"], 9);
  EXPECT_EQ(found["attempts"][0]["error_message"], "killed");
  EXPECT_EQ(found["attempts"][0]["resume_step"], nullptr);
  EXPECT_EQ(found["attempts"][0]["usage"], Json::object());
  commit({core::AllocationReleased{attempt, {{"cpu_seconds", 4.5}}}, core::AllocationReleased{{kRun, kTrain, 2}}});
  EXPECT_EQ(step(kTrain)["attempts"][0]["usage"], (Json{{"cpu_seconds", 4.5}})) << "its process outlived its end";
  EXPECT_EQ(step(kTrain)["attempts"][1]["usage"], (Json{{"cpu_seconds", 2.5}})) << "known since its end";
}

TEST_F(ReadModelsTest, EveryEndOfAStepSaysWhy) {
  struct Case {
    StepId step;
    core::Event event;
    std::string status, reason;
    Json started_at;
  };
  commit({core::StepReady{kRun, kPromote, {}}});
  for (const Case& c : {
           Case{kPrepare, core::StepSkipped{kRun, kPrepare, "its condition is false"}, "skipped",
                "its condition is false", nullptr},
           Case{kTrain, core::StepCancelled{kRun, kTrain}, "cancelled", "", nullptr},
           // A step of the controller has no attempt: it starts when it is ready.
           Case{kPromote, core::StepFailed{kRun, kPromote, "moved", "the alias moved"}, "failed", "the alias moved",
                time_of(2)},
       }) {
    SCOPED_TRACE(c.step.value);
    commit({c.event});
    EXPECT_EQ(step(c.step)["status"], c.status);
    EXPECT_EQ(step(c.step)["reason"], c.reason);
    EXPECT_EQ(step(c.step)["started_at"], c.started_at);
    EXPECT_EQ(step(c.step)["finished_at"], time_of(next_index_ - 1));
  }
  commit({core::CancelRequested{kRun, "ann"}, core::RunFinished{kRun, core::RunStatus::kFailed}});
  EXPECT_EQ(run()["status"], "failed");
  EXPECT_EQ(run()["finished_at"], time_of(next_index_ - 1));
}

TEST_F(ReadModelsTest, AnUnknownRunIsNotFound) {
  for (const std::string& id : {std::string("r-2"), std::string(), std::string("' OR 1=1")}) {
    EXPECT_EQ(store_->get_run(id).error().code, ErrorCode::kNotFound);
  }
  EXPECT_THAT(store_->get_run("r-9").error().message, HasSubstr("'r-9'"));
}

TEST_F(ReadModelsTest, RunsAreListedNewestFirstInPages) {
  for (int i = 2; i <= 12; ++i) {
    core::RunSubmitted event = std::get<core::RunSubmitted>(submitted());
    event.run = RunId{"r-" + std::to_string(i)};
    commit({event});
  }
  struct Case {
    int limit;
    std::string before;
    std::string ids;
    Json next;
  };
  for (const Case& c : {Case{3, "", "r-12 r-11 r-10 ", "r-10"}, Case{3, "r-10", "r-9 r-8 r-7 ", "r-7"},
                        Case{2, "r-3", "r-2 r-1 ", nullptr}, Case{2, "r-1", "", nullptr}, Case{0, "r-3", "r-2 ", "r-2"},
                        Case{-5, "r-2", "r-1 ", nullptr}}) {
    const auto page = store_->list_runs(c.limit, c.before);
    ASSERT_TRUE(page) << page.error().message;
    std::string ids;
    for (const Json& found : page->at("runs")) {
      ids += found["id"].get<std::string>() + " ";
      EXPECT_FALSE(found.contains("yaml") || found.contains("steps"));
    }
    EXPECT_EQ(ids, c.ids);
    EXPECT_EQ(page->at("next"), c.next);
  }
  EXPECT_EQ(store_->list_runs(5, "r-99").error().code, ErrorCode::kNotFound);
}

TEST_F(ReadModelsTest, RunsAreFilteredByStatusAndPipeline) {
  for (int i = 2; i <= 9; ++i) {
    core::RunSubmitted event = std::get<core::RunSubmitted>(submitted());
    event.run = RunId{"r-" + std::to_string(i)};
    event.plan.pipeline = i % 2 == 0 ? "even" : "odd";
    commit({event});
    if (i % 3 == 0) {
      commit({core::RunFinished{event.run, core::RunStatus::kFailed}});
    }
  }
  struct Case {
    RunsFilter filter;
    std::string before;
    std::string ids;
    Json next;
  };
  for (const Case& c : {Case{{"failed", ""}, "", "r-9 r-6 ", "r-6"}, Case{{"failed", ""}, "r-6", "r-3 ", nullptr},
                        Case{{"", "even"}, "", "r-8 r-6 ", "r-6"}, Case{{"failed", "even"}, "", "r-6 ", nullptr},
                        Case{{"running", "odd"}, "", "r-7 r-5 ", nullptr}, Case{{"cancelled", ""}, "", "", nullptr},
                        Case{{"", "none"}, "", "", nullptr}}) {
    const auto page = store_->list_runs(2, c.before, c.filter);
    ASSERT_TRUE(page) << page.error().message;
    std::string ids;
    for (const Json& found : page->at("runs")) {
      ids += found["id"].get<std::string>() + " ";
    }
    EXPECT_EQ(ids, c.ids);
    EXPECT_EQ(page->at("next"), c.next);
  }
}

TEST_F(ReadModelsTest, ListingRunsWalksAnIndexHoweverManyThereAre) {
  auto database = Database::open(folder_.path() / "luthier.db", Database::Access::kReadOnly).value();
  struct Case {
    RunsFilter filter;
    std::string walk;
  };
  for (const Case& c :
       {Case{{"", ""}, "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"},
        Case{{"failed", ""}, "SEARCH runs USING INDEX runs_by_status (status=? AND sequence<?)"},
        Case{{"", "p"}, "SEARCH runs USING INDEX runs_by_pipeline (pipeline=? AND sequence<?)"},
        Case{{"failed", "p"},
             "SEARCH runs USING INDEX runs_by_pipeline_and_status (pipeline=? AND status=? AND sequence<?)"}}) {
    std::string plan;
    ASSERT_TRUE(database->query(
        "EXPLAIN QUERY PLAN " + std::string(list_runs_sql(c.filter)),
        [&plan](const Row& row) { plan += row.text(3) + "\n"; }, "failed", "p", 5, 10));
    EXPECT_THAT(plan, HasSubstr(c.walk));
    EXPECT_THAT(plan, ::testing::Not(HasSubstr("TEMP B-TREE")));
  }
}

TEST_F(ReadModelsTest, AgentsShowWhatTheyOfferAndHold) {
  core::AgentResources resources{4, 1'000, {{0, "H100", "GPU-1", 80}}, "cpu model", "two.local", 29'500, 29'599};
  const AttemptId attempt{kRun, kTrain, 1};
  commit({core::AgentJoined{AgentId{"a-10"}, "ten", "boot-1", {}},
          core::AgentJoined{AgentId{"a-2"}, "two", "boot-1", resources},
          core::AttemptAssigned{attempt, {AgentId{"a-2"}, 1, 0, {}}, "", 0},
          core::AttemptAssigned{{RunId{"d-1"}, StepId{"serve"}, 1}, {AgentId{"a-2"}, 1, 0, {}}, "", 0}});
  const auto agents = store_->list_agents();
  ASSERT_TRUE(agents) << agents.error().message;
  EXPECT_EQ(agents->at("agents")[0]["id"], "a-10");
  EXPECT_EQ(agents->at("agents")[1],
            (Json{{"id", "a-2"},
                  {"name", "two"},
                  {"status", "connected"},
                  {"boot_id", "boot-1"},
                  {"resources",
                   {{"cpus", 4.0},
                    {"memory_bytes", 1'000},
                    {"cpu_model", "cpu model"},
                    {"rendezvous_host", "two.local"},
                    {"rendezvous_ports", {29'500, 29'599}},
                    {"gpus", {{{"index", 0}, {"name", "H100"}, {"uuid", "GPU-1"}, {"memory_bytes", 80}}}}}},
                  {"attempts", {"d-1/serve/1", "r-1/train/1"}},
                  {"labels", Json::object()},
                  {"version", ""},
                  {"cordoned", false},
                  {"drain", "no"},
                  {"drain_deadline_at", nullptr},
                  {"last_change_at", time_of(3)}}));

  commit({core::AgentLost{AgentId{"a-2"}, "silence"}, core::AttemptEnded{attempt}});
  EXPECT_EQ(store_->list_agents()->at("agents")[1]["status"], "lost");
  EXPECT_EQ(store_->list_agents()->at("agents")[1]["attempts"].size(), 2U);  // promised until released
  commit({core::AllocationReleased{attempt}, core::AgentJoined{AgentId{"a-2"}, "two", "boot-2", {}}});
  const Json back = store_->list_agents()->at("agents")[1];
  EXPECT_EQ(back["status"], "connected");
  EXPECT_EQ(back["boot_id"], "boot-2");
  EXPECT_EQ(back["attempts"], (Json{"d-1/serve/1"}));
}

TEST_F(ReadModelsTest, AGangShowsItsRanksAndEachOfItsAgentsWhatItHolds) {
  const AttemptId attempt{kRun, kTrain, 1};
  const AttemptId second{kRun, kTrain, 1, 1};
  commit({core::AgentJoined{AgentId{"a-1"}, "one", "boot-1", {}},
          core::AgentJoined{AgentId{"a-2"}, "two", "boot-1", {}},
          core::AttemptAssigned{attempt, {AgentId{"a-1"}}, "", 0, {{AgentId{"a-2"}}}}, core::AttemptStarted{second, 7},
          core::AttemptStarted{attempt, 8}, core::RankFinished{second}});
  EXPECT_EQ(step(kTrain)["attempts"][0]["ranks"], (Json{{{"rank", 1}, {"agent", "a-2"}}}));
  EXPECT_EQ(store_->list_agents()->at("agents")[1]["attempts"], (Json{"r-1/train/1#1"}));
  commit({core::AllocationReleased{second}});
  EXPECT_EQ(store_->list_agents()->at("agents")[1]["attempts"], Json::array());
  EXPECT_EQ(store_->list_agents()->at("agents")[0]["attempts"], (Json{"r-1/train/1"}));
}

TEST_F(ReadModelsTest, ACancelledGangIsSaidToHaveUsedWhatAllItsRanksUsed) {
  const AttemptId first{kRun, kTrain, 1};
  const AttemptId second{kRun, kTrain, 1, 1};
  const auto used = [this] { return step(kTrain)["attempts"][0]["usage"]; };
  commit({core::AttemptAssigned{first, {AgentId{"a-1"}}, "", 0, {{AgentId{"a-2"}}}},
          core::AttemptEnded{.attempt = first, .outcome = core::Outcome::kStopped},
          core::AllocationReleased{second, {{"cpu_seconds", 2.0}, {"peak_memory_bytes", 30}}}});
  EXPECT_EQ(used(), Json::object());  // rank 0 still lives
  commit({core::AllocationReleased{first, {{"cpu_seconds", 1.0}, {"peak_memory_bytes", 20}}}});
  EXPECT_EQ(used(), (Json{{"cpu_seconds", 3.0}, {"peak_memory_bytes", 30}}));
}

TEST_F(ReadModelsTest, DeploymentsStayKnownWithTheirAttemptsWhenTheyHaveStopped) {
  const AttemptId serve{RunId{"d-1"}, core::serve_step(), 1};
  commit({core::DeploymentRequested{RunId{"d-1"}, "m@production", {"sha256:b", ""}},
          core::AttemptAssigned{serve, {AgentId{"a-1"}}, "", 0}, core::AttemptStarted{serve, 7},
          core::AttemptEnded{.attempt = serve, .outcome = core::Outcome::kStopped, .error_code = "idle"},
          core::DeploymentStopped{RunId{"d-1"}, "idle"}});
  const Json found = store_->get_deployment("d-1").value();
  EXPECT_EQ(found["model"], "m@production");
  EXPECT_EQ(found["stop_reason"], "idle");
  EXPECT_FALSE(found["stopped_at"].is_null());
  EXPECT_EQ(found["attempts"][0]["error_code"], "idle");
  EXPECT_EQ(store_->list_deployments(10).value()["deployments"], Json::array({found}));
  EXPECT_EQ(store_->get_deployment("d-2").error().code, ErrorCode::kNotFound);
}

TEST_F(ReadModelsTest, ModelsShowVersionsAliasesAndTheirHistory) {
  commit({core::ModelRegistered{"sports", 1, {"sha256:b", ""}, {{"imported_from", "/x"}}, Json::object(), "base"},
          core::ModelRegistered{"sports", 2, {"sha256:b", "sha256:a"}, {{"run", "r-1"}}, {{"acc", 0.5}}, ""},
          core::ModelRegistered{"empty", 1, {"sha256:b", ""}, {}, {}, ""},
          core::AliasMoved{"sports", "production", 0, 1, "ann", "first"},
          core::AliasMoved{"sports", "production", 1, 2, "r-1", "beats version 1"},
          core::AliasMoved{"sports", "canary", 0, 1, "ann", ""}});
  const auto model = store_->get_model("sports");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->at("aliases"), (Json{{"production", 2}, {"canary", 1}}));
  ASSERT_EQ(model->at("versions").size(), 2U);
  EXPECT_EQ(model->at("versions")[0]["adapter"], nullptr);
  EXPECT_EQ(model->at("versions")[1], (Json{{"version", 2},
                                            {"base", "sha256:b"},
                                            {"adapter", "sha256:a"},
                                            {"lineage", {{"run", "r-1"}}},
                                            {"metrics", {{"acc", 0.5}}},
                                            {"description", ""},
                                            {"created_at", time_of(3)}}));
  ASSERT_EQ(model->at("alias_history").size(), 3U);
  EXPECT_EQ(model->at("alias_history")[1], (Json{{"alias", "production"},
                                                 {"from_version", 1},
                                                 {"to_version", 2},
                                                 {"by", "r-1"},
                                                 {"reason", "beats version 1"},
                                                 {"at", time_of(6)}}));

  const Json list = store_->list_models()->at("models");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["name"], "empty");
  EXPECT_EQ(list[1]["versions"], model->at("versions"));
  EXPECT_FALSE(list[1].contains("alias_history"));
  EXPECT_EQ(store_->get_model("nothing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->get_model("").error().code, ErrorCode::kNotFound);
}

TEST_F(ReadModelsTest, ADeploymentThatIsUsedAgainIsJournaledAgain) {
  const core::DeploymentRequested used{.deployment = RunId{"d-1"}, .model = "tiny", .weights = {"base", ""}};
  commit({used});
  commit({used});
  commit({core::DeploymentStopped{.deployment = RunId{"d-1"}, .reason = "idle"}});
  EXPECT_EQ(replayed().size(), 4U);  // and the run of the fixture
}

TEST_F(ReadModelsTest, EventsOfDeploymentsAreJournaledAndShowInNoRun) {
  const AttemptId serving{RunId{"d-1"}, StepId{"serve"}, 1};
  commit({core::DeploymentRequested{RunId{"d-1"}, "sports", {"sha256:b", ""}},
          core::AttemptAssigned{serving, {AgentId{"a-1"}, 1, 0, {}}, "", 0}, core::AttemptStarted{serving, 1},
          core::AttemptReady{serving}, core::DeploymentStopped{RunId{"d-1"}, "idle"}});
  EXPECT_EQ(replayed().size(), 6U);
  EXPECT_EQ(store_->list_runs(10, "")->at("runs").size(), 1U);
}

}  // namespace
}  // namespace luthier::store
