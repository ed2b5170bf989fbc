// Attempts on several nodes: all ranks or none, one commit, one end.
#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GangTest : public MachineFixture {
 protected:
  static plan::Step gang(const std::string& id, int nodes, double cpus = 1) {
    plan::Step step = agent_step(id);
    step.resources.nodes = nodes;
    step.resources.cpus = cpus;
    return step;
  }
  AttemptId rank(const std::string& step, int rank, int number = 1) const {
    AttemptId id = attempt(step, number);
    id.rank = rank;
    return id;
  }
  Lines start_rank(const std::string& step, int number, const std::string& agent, int attempt_number = 1) {
    return feed(AttemptStartedReport{rank(step, number, attempt_number), AgentId{agent}, 100});
  }
  Lines finish_rank(const std::string& step, int number, const std::string& agent, Json outputs = Json::object()) {
    return feed(AttemptFinishedReport{.attempt = rank(step, number),
                                      .agent = AgentId{agent},
                                      .outputs = std::move(outputs),
                                      .usage = {{"cpu_seconds", 1.5}, {"peak_memory_bytes", 10 + number}}});
  }
  Lines release_rank(const std::string& step, int number, const std::string& agent) {
    return feed(AllocationReleasedReport{rank(step, number), AgentId{agent}});
  }
};

TEST_F(GangTest, IsGivenAllItsAgentsAtOnceOrNone) {
  connect("a-1");
  submit({gang("one", 2)});
  EXPECT_THAT(state_.allocations, IsEmpty());
  EXPECT_EQ(reason("one"),
            "only 1 of the 2 agents that it needs has 1 free CPU: a-1 has 2 of 2 CPUs free; only 1 is large enough, "
            "even when idle");
  EXPECT_THAT(connect("a-2"),
              ElementsAre("journal agent_joined a-2", "publish agent.joined ", "journal attempt_assigned r-1/one/1",
                          "send a-1 start r-1/one/1", "send a-2 start r-1/one/1#1"));
  const StartAttempt& last_start = std::get<StartAttempt>(last<SendToAgent>().command);
  EXPECT_EQ(last_start.world_size, 2);
  EXPECT_EQ(last_start.rendezvous, "a-1:29500");
  EXPECT_EQ(reason("one"), "was given to a-1 and a-2, which prepare its inputs");
}

TEST_F(GangTest, SucceedsWhenAllRanksHaveWithTheOutputsOfRankZero) {
  connect("a-1");
  connect("a-2");
  submit({gang("one", 2)});
  EXPECT_THAT(start_rank("one", 1, "a-2"), Contains("publish step.started one"));
  EXPECT_THAT(start_rank("one", 0, "a-1"),
              ElementsAre("journal attempt_started r-1/one/1", "send a-1 acknowledge started r-1/one/1"));
  EXPECT_EQ(reason("one"), "runs on a-1 and a-2, attempt 1");
  EXPECT_THAT(finish_rank("one", 0, "a-1", {{"value", 7}}),
              ElementsAre("send a-1 acknowledge finished r-1/one/1", "journal rank_finished r-1/one/1"));
  EXPECT_THAT(finish_rank("one", 0, "a-1", {{"value", 8}}), Contains("send a-1 acknowledge finished r-1/one/1"));
  EXPECT_THAT(release_rank("one", 0, "a-1"), Contains("journal allocation_released r-1/one/1"));
  const Lines end = finish_rank("one", 1, "a-2", {{"value", 9}});
  EXPECT_THAT(end, Contains("journal step_succeeded one"));
  EXPECT_EQ(journaled<StepSucceeded>().outputs, Json({{"value", 7}}));
  EXPECT_EQ(journaled<AttemptEnded>().usage, Json({{"cpu_seconds", 3.0}, {"peak_memory_bytes", 11}}));
}

TEST_F(GangTest, OneRankThatFailsEndsTheAttemptAndStopsTheOthers) {
  connect("a-1");
  connect("a-2");
  connect("a-3");
  submit({gang("one", 3)});
  start_rank("one", 0, "a-1");
  const Lines lines = feed(AttemptFinishedReport{.attempt = rank("one", 1),
                                                 .agent = AgentId{"a-2"},
                                                 .outcome = Outcome::kUserFailure,
                                                 .exit_code = 3,
                                                 .error_code = "exit",
                                                 .error_message = "exit code 3"});
  EXPECT_THAT(lines, ElementsAre("send a-2 acknowledge finished r-1/one/1#1", "journal attempt_ended r-1/one/1#1",
                                 "send a-1 stop r-1/one/1 superseded", "send a-3 stop r-1/one/1#2 superseded",
                                 "journal step_failed one", "publish step.failed one", "journal run_finished r-1",
                                 "publish run.failed one"));
  EXPECT_EQ(journaled<StepFailed>().message, "rank 1 on a-2: exit code 3");
  EXPECT_THAT(state_.allocations, SizeIs(3));  // until the processes are dead
}

TEST_F(GangTest, ALostAgentEndsTheAttemptAndTheNextOneResumesElsewhere) {
  for (const char* agent : {"a-1", "a-2", "a-3"}) {
    connect(agent);
  }
  submit({gang("one", 2, 2)});
  start_rank("one", 0, "a-1");
  start_rank("one", 1, "a-2");
  EXPECT_THAT(feed(AgentSilent{AgentId{"a-2"}, "silent"}), Contains("send a-1 stop r-1/one/1 superseded"));
  EXPECT_EQ(live("one").status, StepStatus::kReady);
  EXPECT_EQ(live("one").crashed_on, std::vector<AgentId>{AgentId{"a-2"}});
  EXPECT_EQ(reason("one"),
            "only 1 of the 2 agents that it needs has 2 free CPUs: a-1 has 0 of 2 CPUs free, a-3 has 2 of 2 CPUs free");
  EXPECT_THAT(
      feed(AttemptFinishedReport{.attempt = rank("one", 0), .agent = AgentId{"a-1"}, .outcome = Outcome::kStopped}),
      Contains("send a-1 acknowledge finished r-1/one/1"));
  EXPECT_THAT(release("one"), Contains("journal attempt_assigned r-1/one/2"));
  EXPECT_EQ(live("one").attempt.gang.at(0).agent.value, "a-3");
}

TEST_F(GangTest, AnAgentThatComesBackWithoutItsRankIsGivenItAgainOnlyIfItNeverStarted) {
  connect("a-1");
  connect("a-2");
  submit({gang("one", 2)});
  EXPECT_THAT(connect("a-2"), ElementsAre("send a-2 start r-1/one/1#1"));
  start_rank("one", 1, "a-2");
  EXPECT_THAT(connect("a-2"), Contains("journal attempt_ended r-1/one/1#1"));
}

TEST_F(GangTest, ReportsCountOnlyFromTheAgentThatHasTheRank) {
  connect("a-1");
  connect("a-2");
  submit({gang("one", 2)});
  EXPECT_THAT(start_rank("one", 1, "a-1"),
              ElementsAre("send a-1 acknowledge started r-1/one/1#1", "send a-1 stop r-1/one/1#1 superseded"));
  EXPECT_THAT(start_rank("one", 2, "a-2"), Contains("send a-2 stop r-1/one/1#2 superseded"));
  EXPECT_THAT(offer("one", 5, 1, "a-2"), Contains("send a-2 stop r-1/one/1 superseded"));
  // Checkpoints of other ranks are parts of rank 0's.
  EXPECT_THAT(feed(CheckpointOfferedReport{rank("one", 1), AgentId{"a-2"}, {5, "c", "w", "adapter", {}}}),
              ElementsAre("send a-2 acknowledge checkpoint r-1/one/1#1"));
}

TEST_F(GangTest, CancelStopsEveryRankAndADrainOnlyThatOfItsAgent) {
  connect("a-1");
  connect("a-2");
  submit({gang("one", 2)});
  start_rank("one", 0, "a-1");
  start_rank("one", 1, "a-2");
  feed(DrainAgent{.request = 9, .agent = "a-2", .deadline = milliseconds(5), .by = "admin"});
  advance(10);
  EXPECT_THAT(feed(Tick{}), Contains("send a-2 stop r-1/one/1#1 preempted"));
  feed(AttemptFinishedReport{.attempt = rank("one", 1), .agent = AgentId{"a-2"}, .outcome = Outcome::kStopped});
  EXPECT_EQ(journaled<AttemptEnded>().outcome, Outcome::kPreempted);
  run_ = "r-1";
  EXPECT_EQ(live("one").preemptions, 1);
  release("one");
  release_rank("one", 1, "a-2");
  feed(CordonAgent{.request = 9, .agent = "a-2", .cordoned = false, .by = "admin"});
  EXPECT_EQ(live("one").attempt_number, 2);
  EXPECT_THAT(
      feed(CancelRun{.request = 8, .run = RunId{"r-1"}}),
      ::testing::AllOf(Contains("send a-1 stop r-1/one/2 cancelled"), Contains("send a-2 stop r-1/one/2#1 cancelled")));
}

TEST_F(GangTest, CanBeCancelledWhenRankZeroIsDoneAlready) {
  connect("a-1");
  connect("a-2");
  submit({gang("one", 2)});
  start_rank("one", 0, "a-1");
  finish_rank("one", 0, "a-1");
  EXPECT_THAT(feed(CancelRun{.request = 8, .run = RunId{"r-1"}}),
              ElementsAre("journal cancel_requested r-1", "reply 8 ok", "journal attempt_ended r-1/one/1",
                          "send a-2 stop r-1/one/1#1 cancelled", "journal step_cancelled one",
                          "journal run_finished r-1", "publish run.cancelled "));
}

TEST_F(GangTest, NoTwoGangsMeetAtOnePort) {
  for (const char* agent : {"a-1", "a-2"}) {
    connect(agent);
  }
  submit({gang("one", 2, 0.1), gang("two", 2, 0.1), gang("three", 2, 0.1), gang("four", 2, 0.1), gang("five", 2, 0.1)});
  std::set<std::string> places;
  for (const char* step : {"one", "two", "three", "four"}) {
    places.insert(live(step).attempt.rendezvous);
  }
  EXPECT_THAT(places, ElementsAre("a-1:29500", "a-1:29501", "a-2:29500", "a-2:29501"));
  EXPECT_EQ(reason("five"),
            "waits for a rendezvous port: no agent with room has a free one; see luthier-agent --rendezvous-ports");
}

TEST_F(GangTest, AnExclusiveGangWaitsForTheProcessesOfItsLastAttempt) {
  for (const char* agent : {"a-1", "a-2", "a-3", "a-4"}) {
    connect(agent);
  }
  plan::Step step = gang("one", 2);
  step.exclusive = true;
  submit({step});
  start_rank("one", 0, "a-1");
  start_rank("one", 1, "a-2");
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  EXPECT_EQ(reason("one"), "waits for its last attempt's processes to end on a-2");
  EXPECT_THAT(release_rank("one", 1, "a-2"), Contains("journal attempt_assigned r-1/one/2"));
}

}  // namespace
}  // namespace luthier::core::testing
