#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class ScheduleTest : public MachineFixture {
 protected:
  static plan::Step step(const std::string& id, double cpus, int gpus = 0, int priority = 0) {
    plan::Step made = agent_step(id);
    made.resources.cpus = cpus;
    made.resources.gpus = gpus;
    made.priority = priority;
    return made;
  }
  std::string agent_of(const std::string& id) const {
    return live(id).status == StepStatus::kAssigned ? live(id).attempt.agent.value : "";
  }
};

TEST_F(ScheduleTest, PrefersTheAgentWithMostFreeCpusThenTheFirstById) {
  connect("a-2");
  connect("a-1");
  submit({step("one", 1), step("two", 1), step("three", 1), step("four", 1), step("five", 1)});
  EXPECT_EQ(agent_of("one"), "a-1");
  EXPECT_EQ(agent_of("two"), "a-2");
  EXPECT_EQ(agent_of("three"), "a-1");
  EXPECT_EQ(agent_of("four"), "a-2");
  EXPECT_EQ(agent_of("five"), "");
}

TEST_F(ScheduleTest, OrdersByPriorityThenRunThenPlan) {
  submit({step("one", 2), step("two", 2, 0, 5)});
  submit({step("three", 2, 0, 5)});
  connect("a-1");
  run_ = "r-1";
  EXPECT_EQ(agent_of("two"), "a-1");
  finish("two");
  release("two");
  run_ = "r-2";
  EXPECT_EQ(agent_of("three"), "a-1");
  finish("three");
  release("three");
  run_ = "r-1";
  EXPECT_EQ(agent_of("one"), "a-1");
}

TEST_F(ScheduleTest, NoMoreMembersOfAMatrixRunAtOnceThanMay) {
  connect("a-1");
  connect("a-2");
  std::vector<plan::Step> steps;
  for (const char* id : {"try[i=0]", "try[i=1]", "try[i=2]", "other"}) {
    steps.push_back(step(id, 0.5));
    steps.back().name = std::string(id).substr(0, std::string(id).find('['));
    steps.back().max_parallel = steps.back().name == "try" ? 2 : 0;
  }
  submit(steps);
  EXPECT_EQ(live("other").status, StepStatus::kAssigned);
  EXPECT_EQ(live("try[i=2]").status, StepStatus::kReady);
  EXPECT_EQ(reason("try[i=2]"), "waits for its turn: max_parallel of 'try' is 2, and try[i=0] and try[i=1] run");
  finish("try[i=0]", Json::object(), 1, live("try[i=0]").attempt.agent.value);
  EXPECT_EQ(live("try[i=2]").status, StepStatus::kAssigned);
}

TEST_F(ScheduleTest, ADiskThatIsShortStopsRunsAndAssignmentsUntilItIsNot) {
  connect("a-1");
  submit({step("one", 1), step("two", 2)});
  EXPECT_EQ(agent_of("one"), "a-1");
  EXPECT_THAT(feed(StorageReport{"5 MiB of 9 GiB are free"}), Contains("journal storage_changed"));
  EXPECT_THAT(feed(StorageReport{"4 MiB of 9 GiB are free"}), Not(Contains("journal storage_changed")));
  finish("one");  // what runs may end
  release("one");
  EXPECT_EQ(agent_of("two"), "");
  EXPECT_EQ(reason("two"), "waits for room on the controller's disk: 5 MiB of 9 GiB are free");
  EXPECT_THAT(feed(SubmitRun{.request = 7, .plan = {}}), Contains("reply 7 error"));
  feed(StorageReport{});
  EXPECT_EQ(agent_of("two"), "a-1");
  EXPECT_THAT(feed(StorageReport{}), Not(Contains("journal storage_changed")));
}

TEST_F(ScheduleTest, GivesGpusByNumberAndNeverTwice) {
  connect("a-1", 3);
  submit({step("one", 0.5, 2), step("two", 0.5, 1), step("three", 0.5, 1)});
  EXPECT_THAT(state_.allocations.at(attempt("one")).gpus, ElementsAre(0, 1));
  EXPECT_THAT(state_.allocations.at(attempt("two")).gpus, ElementsAre(2));
  EXPECT_EQ(agent_of("three"), "");
  EXPECT_EQ(reason("three"), "no agent has 1 free GPU and 0.5 free CPUs: a-1 has 0 of 3 GPUs and 1 of 2 CPUs free");
  finish("one");
  EXPECT_EQ(agent_of("three"), "");  // the process may still be alive
  release("one");
  EXPECT_THAT(state_.allocations.at(attempt("three")).gpus, ElementsAre(0));
}

TEST_F(ScheduleTest, ASmallerStepGoesPastOneThatDoesNotFit) {
  connect("a-1");
  submit({step("large", 16), step("small", 1)});
  EXPECT_EQ(agent_of("small"), "a-1");
  EXPECT_EQ(reason("large"),
            "no agent has 16 free CPUs: a-1 has 1 of 2 CPUs free; none is large enough, even when idle");
}

TEST_F(ScheduleTest, CountsMemory) {
  connect("a-1");
  plan::Step first = step("one", 0.5);
  first.resources.memory_bytes = 5ULL << 30;
  plan::Step second = first;
  second.id = StepId{"two"};
  submit({first, second});
  EXPECT_EQ(reason("two"),
            "no agent has 0.5 free CPUs and 5 GiB of free memory: a-1 has 1.5 of 2 CPUs and 3 GiB of "
            "8 GiB free");
}

TEST_F(ScheduleTest, SaysWhenNoAgentIsThere) {
  submit({step("one", 1)});
  EXPECT_EQ(reason("one"), "waits for an agent: none has joined yet; start one with luthier-agent");
  connect("a-1");
  finish("one");
  feed(AgentSilent{AgentId{"a-1"}, "silent"});
  submit({step("two", 1)});
  EXPECT_EQ(reason("two"), "waits for an agent: a-1 is not connected");
}

TEST_F(ScheduleTest, AModelThatIsWantedIsAboutToBePlacedOrSaysWhoIsMissing) {
  feed(RegisterModel{.request = 1, .model = "tiny", .weights = {.base = "b"}});
  feed(UseModel{.request = 2, .model = "tiny"});
  EXPECT_EQ(last<Reply>().value.at("reason"), "waits for an agent: none has joined yet; start one with luthier-agent");
  connect("a-1");
  State before = state_;  // as the scheduler finds it
  auto& [id, deployment] = *before.deployments.begin();
  deployment.serve.status = StepStatus::kReady;
  EXPECT_EQ(waiting_reason(before, id, StepId{"serve"}, now_), "is about to be given to an agent");
  before.agents.begin()->second.cordoned = true;
  EXPECT_EQ(waiting_reason(before, id, StepId{"serve"}, now_), "waits for an agent: a-1 is cordoned");
}

// What is wanted, against one agent of 2 CPUs, 8 GiB and 2 GPUs of which 1 CPU, 3 GiB and 1 GPU are free.
TEST_F(ScheduleTest, EveryLackOfRoomReadsAsASentence) {
  struct Case {
    plan::Resources wanted;
    const char* reason;
  };
  constexpr std::uint64_t kGiB = 1ULL << 30;
  const std::vector<Case> cases{
      {{.cpus = 2}, "no agent has 2 free CPUs: a-1 has 1 of 2 CPUs free"},
      {{.gpus = 2, .cpus = 1}, "no agent has 2 free GPUs and 1 free CPU: a-1 has 1 of 2 GPUs and 1 of 2 CPUs free"},
      {{.gpus = 2, .cpus = 0}, "no agent has 2 free GPUs: a-1 has 1 of 2 GPUs and 1 of 2 CPUs free"},
      {{.cpus = 0, .memory_bytes = 4 * kGiB},
       "no agent has 4 GiB of free memory: a-1 has 1 of 2 CPUs and 3 GiB of 8 GiB free"},
      {{.gpus = 2, .cpus = 2, .memory_bytes = 4 * kGiB},
       "no agent has 2 free GPUs, 2 free CPUs and 4 GiB of free memory: a-1 has 1 of 2 GPUs, 1 of 2 CPUs and 3 GiB of "
       "8 "
       "GiB free"},
      {{.cpus = 3}, "no agent has 3 free CPUs: a-1 has 1 of 2 CPUs free; none is large enough, even when idle"},
      {{.cpus = 1, .labels = {{"zone", "eu"}}}, "waits for an agent: a-1 is without the label zone=eu"},
      {{.cpus = 1, .labels = {{"rack", "7"}, {"zone", "eu"}}},
       "waits for an agent: a-1 is without the labels rack=7 and zone=eu"},
  };
  connect("a-1", 2);
  plan::Step first = step("first", 1, 1);
  first.resources.memory_bytes = 5 * kGiB;
  std::vector<plan::Step> steps{first};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    steps.push_back(step("s" + std::to_string(i), 1));
    steps.back().resources = cases[i].wanted;
  }
  submit(steps);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(reason("s" + std::to_string(i)), cases[i].reason);
  }
}

TEST_F(ScheduleTest, AStepThatWaitsForLongIsPublishedAboutOnceForEachWait) {
  connect("a-1");
  submit({step("one", 2), step("two", 1)});
  advance(9'999);
  EXPECT_THAT(feed(Tick{}), ElementsAre("wake 10000"));
  advance(1);
  EXPECT_THAT(feed(Tick{}), ElementsAre("journal step_waiting two", "publish step.waiting two"));
  EXPECT_EQ(last<Publish>().payload.at("reason"), "no agent has 1 free CPU: a-1 has 0 of 2 CPUs free");
  advance(60'000);
  EXPECT_THAT(feed(Tick{}), ElementsAre());
}

TEST_F(ScheduleTest, ManySmallSharesAddUpWithoutRoundingTrouble) {
  connect("a-1");
  std::vector<plan::Step> steps;
  for (int i = 0; i < 20; ++i) {
    steps.push_back(step("s" + std::to_string(i), 0.1));
  }
  submit(steps);
  EXPECT_EQ(state_.allocations.size(), 20U);
}

}  // namespace
}  // namespace luthier::core::testing
