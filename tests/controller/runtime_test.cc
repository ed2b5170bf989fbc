#include "controller/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "controller/core/core.h"
#include "controller/store/faulty_store.h"
#include "tests/controller/journal_fake.h"

namespace luthier::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::chrono::seconds kPatience{30};  // a bound for broken code, never a measure

// Thread-safe, set by hand.
class TestClock final : public Clock {
 public:
  Now now() const override { return {1'700'000'000'000 + elapsed_ms_, 1'000 + elapsed_ms_}; }
  void advance(milliseconds by) { elapsed_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> elapsed_ms_ = 0;
};

plan::Plan one_step_plan() {
  plan::Step step;
  step.id = StepId{"one"};
  step.name = "one";
  step.uses = "run";
  step.with = Json{{"command", "true"}};
  step.retry.user = 1;
  plan::Plan plan;
  plan.pipeline = "test";
  plan.steps.push_back(step);
  return plan;
}

core::SubmitRun submit(core::RequestId request) { return {request, one_step_plan(), "yaml", "file.yaml", "somebody"}; }

core::AgentConnected agent(std::vector<core::HeldAttempt> held = {}) {
  core::AgentConnected connected;
  connected.agent = AgentId{"a-1"};
  connected.name = "box";
  connected.boot_id = "boot";
  connected.resources.cpus = 64;
  connected.held = std::move(held);
  return connected;
}

const AttemptId kFirst{RunId{"r-1"}, StepId{"one"}, 1};
const AttemptId kSecond{RunId{"r-1"}, StepId{"one"}, 2};

// A runtime with everything it told the outside.
class Shell {
 public:
  explicit Shell(store::Store& store, const Clock& clock, RuntimeOptions options = {})
      : runtime_(make_runtime(store, clock, log_, options)) {
    runtime_->set_sinks({.send_to_agent = [this](const AgentId&, const core::AgentCommand& command) { note(command); },
                         .published = [this](const store::OutboxRow& row) { note("published " + row.name); }});
  }

  Runtime& operator*() { return *runtime_; }
  Runtime* operator->() { return runtime_.get(); }

  void note(const core::AgentCommand& command) {
    if (const auto* start = std::get_if<core::StartAttempt>(&command)) {
      note("start " + to_string(start->attempt));
    } else if (const auto* stop = std::get_if<core::StopAttempt>(&command)) {
      note("stop " + to_string(stop->attempt));
    } else {
      note("acknowledge");
    }
  }
  void note(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  // Everything noted so far that starts with `prefix`.
  std::vector<std::string> lines(const std::string& prefix = "") {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    std::copy_if(lines_.begin(), lines_.end(), std::back_inserter(found),
                 [&](const std::string& line) { return line.starts_with(prefix); });
    return found;
  }

  // Until all that was posted before is decided, committed and performed.
  void settle() {
    std::promise<void> read;
    runtime_->query([&read](const core::State&, Now) { read.set_value(); });
    ASSERT_EQ(read.get_future().wait_for(kPatience), std::future_status::ready);
  }
  Result<Json> submit_and_wait() {
    std::promise<Result<Json>> answer;
    runtime_->call([](core::RequestId request) { return core::Input(submit(request)); },
                   [&answer](Result<Json> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
  SystemClock log_clock_;
  Log log_{log_clock_, {.level = LogLevel::kError, .pretty = false, .fd = 2}};
  std::unique_ptr<Runtime> runtime_;
};

class RuntimeTest : public testing::Test {
 protected:
  store::JournalFake store_;
  TestClock clock_;
};

TEST_F(RuntimeTest, NothingIsDoneBeforeItsCommit) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  shell->post(agent());
  shell.settle();
  store_.hold();
  shell->call([](core::RequestId request) { return core::Input(submit(request)); },
              [&shell](Result<Json> result) { shell.note(result ? "answer" : "refusal"); });
  store_.wait_until_a_commit_is_held();
  EXPECT_THAT(shell.lines("start"), IsEmpty());
  EXPECT_THAT(shell.lines("answer"), IsEmpty());
  EXPECT_THAT(shell.lines("published run."), IsEmpty());
  EXPECT_FALSE(shell->is_current(kFirst));
  store_.release();
  shell.settle();
  EXPECT_THAT(shell.lines("start"), ElementsAre("start r-1/one/1"));
  EXPECT_THAT(shell.lines("answer"), ElementsAre("answer"));
  EXPECT_TRUE(shell->is_current(kFirst));
}

TEST_F(RuntimeTest, InputsThatArriveDuringACommitShareTheNext) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  const std::size_t before = store_.commits();
  store_.hold();
  shell->post(submit(0));
  store_.wait_until_a_commit_is_held();
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(shell->post(submit(0)));
  }
  store_.release();
  shell.settle();
  EXPECT_EQ(store_.commits() - before, 2U);
  std::size_t runs = 0;
  shell->query([&runs](const core::State& state, Now) { runs = state.runs.size(); });
  shell.settle();
  EXPECT_EQ(runs, 501U);
}

TEST_F(RuntimeTest, InputsThatChangeNothingCommitNothing) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  shell.settle();
  const std::size_t before = store_.commits();
  shell->post(core::AgentSilent{AgentId{"a-9"}, "unknown"});
  shell.settle();
  EXPECT_EQ(store_.commits(), before);
}

TEST_F(RuntimeTest, AnErrorReachesTheCaller) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  std::promise<Result<Json>> answer;
  shell->call(
      [](core::RequestId request) {
        return core::Input(core::CancelRun{request, RunId{"r-9"}, "me"});
      },
      [&answer](Result<Json> result) { answer.set_value(std::move(result)); });
  const Result<Json> result = answer.get_future().get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST_F(RuntimeTest, ARestartReplaysTheSameState) {
  std::uint64_t before = 0;
  std::uint64_t first_epoch = 0;
  {
    Shell shell(store_, clock_);
    ASSERT_TRUE(shell->start());
    first_epoch = shell->epoch();
    shell->post(agent());
    ASSERT_TRUE(shell.submit_and_wait());
    shell->stop();
    core::State replayed;
    for (const store::JournalRecord& record : store_.records()) {
      core::apply(replayed, record.event, record.now);
    }
    before = core::hash(replayed);
  }
  Shell shell(store_, clock_);
  const std::size_t records = store_.records().size();
  ASSERT_TRUE(shell->start());
  EXPECT_GT(shell->epoch(), first_epoch);
  EXPECT_TRUE(shell->is_current(kFirst));
  core::State replayed;
  for (std::size_t i = 0; i < records; ++i) {
    core::apply(replayed, store_.records()[i].event, store_.records()[i].now);
  }
  EXPECT_EQ(core::hash(replayed), before);
  std::uint64_t live = 0;
  shell->query([&live](const core::State& state, Now) { live = core::hash(state); });
  shell.settle();
  shell->stop();
  core::State all;
  for (const store::JournalRecord& record : store_.records()) {
    core::apply(all, record.event, record.now);
  }
  EXPECT_EQ(core::hash(all), live);
}

std::uint64_t hash_of(Shell& shell) {
  std::uint64_t hash = 0;
  shell->query([&hash](const core::State& state, Now) { hash = core::hash(state); });
  shell.settle();
  return hash;
}

TEST_F(RuntimeTest, ARestartFromASnapshotGivesTheStateThatTheWholeJournalGives) {
  {
    Shell shell(store_, clock_, {.snapshot_every = 4});
    ASSERT_TRUE(shell->start());
    shell->post(agent());
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(shell.submit_and_wait());
    }
  }
  ASSERT_GE(store_.snapshots().size(), 3U);                             // some on the way
  EXPECT_EQ(store_.snapshots().back().index, store_.records().size());  // written at stop
  store_.snapshots().pop_back();                                        // as after a crash: a tail is to be replayed
  const std::vector<store::JournalRecord> records = store_.records();
  const std::vector<store::Snapshot> snapshots = store_.snapshots();
  const auto restart = [&] {
    store_.records() = records;
    Shell shell(store_, clock_, {.snapshot_every = 1'000});
    EXPECT_TRUE(shell->start());
    EXPECT_TRUE(shell->is_current(kFirst));
    core::State all;
    for (const store::JournalRecord& record : store_.records()) {
      core::apply(all, record.event, record.now);
    }
    EXPECT_EQ(hash_of(shell), core::hash(all));
  };
  restart();
  store_.snapshots() = snapshots;
  store_.snapshots().back().state = "{\"runs\": 5}";  // an older one is taken
  restart();
  store_.snapshots() = snapshots;
  for (store::Snapshot& snapshot : store_.snapshots()) {
    snapshot.state = "not JSON";  // the whole journal is taken
  }
  restart();
}

TEST_F(RuntimeTest, AMissingJournalRecordStopsTheStart) {
  {
    Shell shell(store_, clock_);
    ASSERT_TRUE(shell->start());
    ASSERT_TRUE(shell.submit_and_wait());
  }
  store_.snapshots().clear();
  store_.records().erase(store_.records().begin() + 1);
  Shell shell(store_, clock_);
  const Result<void> started = shell->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(started.error().message, testing::HasSubstr("journal record 2 is missing"));
}

TEST_F(RuntimeTest, ATimerFiresWhenItsTimeHasCome) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  shell->post(agent());
  ASSERT_TRUE(shell.submit_and_wait());
  shell->post(
      core::AttemptFinishedReport{.attempt = kFirst, .agent = AgentId{"a-1"}, .outcome = core::Outcome::kUserFailure});
  shell->post(core::AllocationReleasedReport{kFirst, AgentId{"a-1"}});
  shell.settle();
  ASSERT_THAT(shell.lines("start"), ElementsAre("start r-1/one/1"));  // the second try waits for its backoff
  clock_.advance(milliseconds(10 * 60'000));
  shell.settle();  // wakes the thread, which looks at the clock
  EXPECT_THAT(shell.lines("start"), ElementsAre("start r-1/one/1", "start r-1/one/2"));
  EXPECT_FALSE(shell->is_current(kFirst));
  EXPECT_TRUE(shell->is_current(kSecond));
}

TEST_F(RuntimeTest, AFullQueueRefusesAtOnce) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  store_.hold();
  shell->post(submit(0));
  store_.wait_until_a_commit_is_held();
  std::size_t accepted = 0;
  while (shell->post(core::Tick{})) {
    ++accepted;
    ASSERT_LE(accepted, 100'000U);
  }
  EXPECT_EQ(accepted, 65'536U);
  std::optional<Error> refusal;
  shell->call([](core::RequestId request) { return core::Input(submit(request)); },
              [&refusal](Result<Json> result) { refusal = result.error(); });
  ASSERT_TRUE(refusal);  // on this thread, before call() returned
  EXPECT_EQ(refusal->code, ErrorCode::kResourceExhausted);
  store_.release();
  shell->stop();
}

TEST_F(RuntimeTest, StoppingFinishesWhatIsQueuedAndRefusesTheRest) {
  Shell shell(store_, clock_);
  ASSERT_TRUE(shell->start());
  store_.hold();
  shell->post(agent());
  store_.wait_until_a_commit_is_held();
  shell->call([](core::RequestId request) { return core::Input(submit(request)); },
              [&shell](Result<Json> result) { shell.note(result ? "answer" : "refusal"); });
  store_.release();
  shell->stop();
  EXPECT_THAT(shell.lines("answer"), SizeIs(1));
  EXPECT_FALSE(shell->post(core::Tick{}));
  std::optional<Error> refusal;
  shell->call([](core::RequestId request) { return core::Input(submit(request)); },
              [&refusal](Result<Json> result) { refusal = result.error(); });
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, ErrorCode::kUnavailable);
  auto promise = std::make_shared<std::promise<void>>();
  std::future<void> future = promise->get_future();
  shell->query([promise](const core::State&, Now) { promise->set_value(); });
  promise.reset();
  EXPECT_THROW(future.get(), std::future_error);  // broken, not waited for
  shell->stop();
}

// --- the real store, and processes that really die ---

class RuntimeOnDiskTest : public testing::Test {
 protected:
  RuntimeOnDiskTest()
      : folder_(std::filesystem::path(testing::TempDir()) / ("runtime_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~RuntimeOnDiskTest() override { std::filesystem::remove_all(folder_); }

  // Runs `child` in a process of its own, which must not return; how it ended, as of waitpid().
  template <class Child>
  int status_of(Child child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      child();
      ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  std::filesystem::path folder_;
  TestClock clock_;
};

// Dies between the commit of an assignment and its sending; the agent's next Hello brings the command.
TEST_F(RuntimeOnDiskTest, ACrashBetweenCommitAndEffectIsRepairedByReconnect) {
  const int status = status_of([this] {
    auto store = store::open_sqlite_store(folder_);
    if (!store) {
      ::_exit(98);
    }
    // 1: the start, 2: the agent, 3: the run, whose commit is durable although nobody hears of it
    store::FaultyStore faulty(**store, 3, store::FaultyStore::Fault::kWrittenUnanswered);
    Shell shell(faulty, clock_);
    if (!shell->start()) {
      ::_exit(97);
    }
    shell->post(agent());
    shell.settle();
    shell->call([](core::RequestId request) { return core::Input(submit(request)); },
                [](const Result<Json>&) { ::_exit(96); });  // no answer without a commit
    std::this_thread::sleep_for(kPatience);
  });
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 70);

  const auto store = store::open_sqlite_store(folder_);
  ASSERT_TRUE(store) << store.error().message;
  Shell shell(**store, clock_);
  ASSERT_TRUE(shell->start());
  EXPECT_TRUE(shell->is_current(kFirst));
  EXPECT_THAT(shell.lines("start"), IsEmpty());
  shell->post(agent());
  shell.settle();
  EXPECT_THAT(shell.lines("start"), ElementsAre("start r-1/one/1"));
}

TEST_F(RuntimeOnDiskTest, WhatWasNotCommittedNeverHappened) {
  const int status = status_of([this] {
    auto store = store::open_sqlite_store(folder_);
    if (!store) {
      ::_exit(98);
    }
    store::FaultyStore faulty(**store, 3, store::FaultyStore::Fault::kNotWritten);
    Shell shell(faulty, clock_);
    if (!shell->start()) {
      ::_exit(97);
    }
    shell->post(agent());
    shell.settle();
    shell->post(submit(0));
    std::this_thread::sleep_for(kPatience);
  });
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 70);
  const auto store = store::open_sqlite_store(folder_);
  ASSERT_TRUE(store) << store.error().message;
  Shell shell(**store, clock_);
  ASSERT_TRUE(shell->start());
  EXPECT_FALSE(shell->is_current(kFirst));
  const Result<Json> answer = shell.submit_and_wait();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->value("run", ""), "r-1");
}

TEST_F(RuntimeOnDiskTest, AControllerWhoseEpochIsOverEnds) {
  const int status = status_of([this] {
    auto store = store::open_sqlite_store(folder_);
    if (!store) {
      ::_exit(98);
    }
    Shell older(**store, clock_);
    Shell newer(**store, clock_);
    if (!older->start() || !newer->start()) {
      ::_exit(97);
    }
    older->post(submit(0));
    std::this_thread::sleep_for(kPatience);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 70);
}

}  // namespace
}  // namespace luthier::controller
