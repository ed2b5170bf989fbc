// LiveInvariants: what is broken is logged, once, and nothing else is.
#include "controller/live_invariants.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"
#include "controller/core/core.h"

namespace luthier::controller {
namespace {

class LiveInvariantsTest : public ::testing::Test {
 protected:
  // Takes the machine through an input, as the runtime does.
  void feed(const core::Input& input) {
    const std::vector<core::Effect> effects = core::step(state_, input, now_);
    live_.on_step(effects);
    store::Batch batch;
    for (const core::Effect& effect : effects) {
      if (const auto* journal = std::get_if<core::Journal>(&effect)) {
        batch.records.push_back({.index = ++index_, .epoch = 1, .now = now_, .event = journal->event});
      }
    }
    live_.on_commit(batch, state_, now_);
  }
  // A record that the machine never asked for.
  void commit(core::Event event) {
    live_.on_commit(
        {.records = {{.index = ++index_, .epoch = 1, .now = now_, .event = std::move(event)}}, .published = {}}, state_,
        now_);
  }
  void submit() {
    plan::Plan plan;
    plan.pipeline = "p";
    plan.steps.resize(1);
    plan.steps[0].id = StepId{"one"};
    plan.steps[0].uses = "run";
    feed(core::SubmitRun{.request = 1, .plan = plan});
  }
  // What was logged since the last call.
  std::string logged() {
    std::array<char, 8'192> bytes{};
    const ssize_t count = ::pread(file_.get(), bytes.data(), bytes.size(), read_);
    EXPECT_GE(count, 0);
    read_ += count;
    return {bytes.data(), static_cast<std::size_t>(count)};
  }

  core::State state_;
  Now now_{1'700'000'000'000, 60'000};
  std::uint64_t index_ = 0;
  UniqueFd file_{::memfd_create("log", MFD_CLOEXEC)};
  off_t read_ = 0;
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kDebug, .fd = file_.get()}};
  LiveInvariants live_{state_, log_};
};

TEST_F(LiveInvariantsTest, ARunThatKeepsEveryPromiseLogsNothing) {
  submit();
  now_.monotonic_ms += 10'000;  // reasons are looked at again
  feed(core::Tick{});
  feed(core::CancelRun{.request = 2, .run = RunId{"r-1"}, .by = "ann"});
  EXPECT_EQ(logged(), "");
}

TEST_F(LiveInvariantsTest, ABrokenPromiseIsAnErrorOnce) {
  submit();
  commit(core::StepSucceeded{RunId{"r-1"}, StepId{"one"}});
  commit(core::StepSucceeded{RunId{"r-1"}, StepId{"one"}});
  const std::string text = logged();
  EXPECT_NE(text.find("\"level\":\"error\""), std::string::npos) << text;
  EXPECT_NE(text.find("invariant_violated"), std::string::npos) << text;
  EXPECT_NE(text.find("r-1/one succeeded after its terminal state"), std::string::npos) << text;
  feed(core::Tick{});
  EXPECT_EQ(logged().find("after its terminal state"), std::string::npos);
}

TEST_F(LiveInvariantsTest, GoesOnFromAStateWhoseEventsItDidNotSee) {
  submit();
  LiveInvariants later(state_, log_);
  static_cast<void>(logged());
  later.on_commit(
      {.records = {{.index = 9, .epoch = 1, .now = now_, .event = core::StepSkipped{RunId{"r-1"}, StepId{"one"}, "x"}}},
       .published = {}},
      state_, now_);
  EXPECT_EQ(logged(), "");
  later.on_commit(
      {.records =
           {{.index = 10, .epoch = 1, .now = now_, .event = core::StepSkipped{RunId{"r-1"}, StepId{"none"}, "x"}}},
       .published = {}},
      state_, now_);
  EXPECT_NE(logged().find("is not a live step"), std::string::npos);
}

TEST_F(LiveInvariantsTest, AnUntrueReasonIsSeenWhenReasonsAreLookedAt) {
  submit();
  static_cast<void>(logged());
  now_.monotonic_ms += 10'000;
  // The checker hears of an agent with room that the state does not know: the reason that the state gives is not true.
  commit(core::AgentJoined{.agent = AgentId{"a-1"},
                           .name = "a",
                           .boot_id = "b",
                           .resources = {.cpus = 4, .memory_bytes = 0, .gpus = {}, .cpu_model = ""},
                           .labels = {},
                           .version = ""});
  EXPECT_NE(logged().find("invariant 13"), std::string::npos);
}

}  // namespace
}  // namespace luthier::controller
