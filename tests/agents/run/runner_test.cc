// The runner with real shims and real processes; the controller's blob store is a fake.
#include "agents/run/runner.h"

#include <csignal>

#include "agents/shim/process_tree.h"
#include "agents/shim/runtime_folder.h"
#include "tests/agents/run/fake_blobs.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::HasSubstr;

class FakeTelemetry final : public TelemetrySink {
 public:
  void follow(const AttemptId&, const std::filesystem::path&) override { ++followed; }
  void spool_grew(const AttemptId&) override {}
  void progress(const AttemptId&, const Json&) override {}
  void flush(const AttemptId&) override {}
  void forget(const AttemptId&) override {}
  std::atomic<int> followed = 0;
};

class RunnerTest : public FolderTest {
 protected:
  void SetUp() override { restart(); }
  void TearDown() override {
    runner_.reset();
    for (const std::filesystem::path& attempt : list_attempt_folders(folder_ / "attempts")) {
      if (const auto file = read_attempt_file(attempt)) {
        if (const auto shim = shim::read_shim_file(attempt); shim && shim::is_running(shim->shim)) {
          ::kill(shim->shim.pid, SIGKILL);
        }
        eventually([&] { return shim::kill_leftovers(file->nonce, nullptr) == 0; });
        shim::remove_runtime_folder(shim::runtime_folder_for(file->nonce));
      }
    }
  }

  // As after kill -9 of the agent: nothing is handed over but the folder.
  void restart() {
    runner_.reset();
    {
      const std::lock_guard lock(mutex_);
      inputs_.clear();
    }
    RunnerOptions options{.data = folder_};
    const std::filesystem::path programs = LUTHIER_BIN_DIR;
    options.programs = {programs / "luthier-shim", worker_, programs / "luthier-prep"};
    options.launch.grace_ms = 100;
    options.silence = silence_;
    runner_ = std::make_unique<Runner>(std::move(options), blobs_, telemetry_, clock_, log_, [this](Input input) {
      const std::lock_guard lock(mutex_);
      inputs_.push_back(std::move(input));
    });
    runner_->recover();
  }

  Assignment command(const std::string& text) const {
    return {.attempt = id_, .uses = "run", .with = {{"command", text}}, .cpus = 1};
  }

  template <class T>
  std::optional<T> seen() {
    const std::lock_guard lock(mutex_);
    for (const Input& input : inputs_) {
      if (const T* found = std::get_if<T>(&input)) {
        return *found;
      }
    }
    return std::nullopt;
  }
  template <class T>
  T await() {
    EXPECT_TRUE(eventually([&] { return seen<T>().has_value(); })) << typeid(T).name();
    return seen<T>().value_or(T{});
  }
  std::vector<std::string> order() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const Input& input : inputs_) {
      names.push_back(std::holds_alternative<ShimStarted>(input)       ? "started"
                      : std::holds_alternative<ProcessExited>(input)   ? "exited"
                      : std::holds_alternative<ProcessTreeGone>(input) ? "gone"
                      : std::holds_alternative<CheckpointSeen>(input)  ? "checkpoint"
                      : std::holds_alternative<InputsReady>(input)     ? "ready"
                                                                       : "other");
    }
    return names;
  }

  void start(const Assignment& assignment) {
    runner_->perform(FetchInputs{assignment});
    await<InputsReady>();
    runner_->perform(StartShim{assignment});
  }

  std::filesystem::path attempt_folder() const { return folder_ / "attempts" / attempt_folder_name(id_); }
  std::string log() const { return get(attempt_folder() / "spool/log"); }

  const AttemptId id_{RunId{"r-1"}, StepId{"one"}, 1};
  std::filesystem::path worker_ = "/no/worker";
  SilenceLimits silence_;
  FakeBlobs blobs_;
  FakeTelemetry telemetry_;
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kError}};
  std::mutex mutex_;
  std::vector<Input> inputs_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(RunnerTest, runs_a_command_and_tells_its_end) {
  start(command("echo hello; exit 4"));
  const ExitRecord exit = await<ProcessExited>().exit;
  await<ProcessTreeGone>();
  EXPECT_TRUE(exit.recorded);
  EXPECT_EQ(exit.exit_code, 4);
  EXPECT_GT(await<ShimStarted>().pid, 0);
  EXPECT_EQ(log(), "hello\n");
  EXPECT_THAT(order(), ::testing::ElementsAre("ready", "started", "exited", "gone"));
  runner_->perform(RemoveAttempt{id_});
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(attempt_folder()); }));
}

TEST_F(RunnerTest, names_a_missing_program) {
  Assignment assignment = command("");
  assignment.uses = "train";
  start(assignment);
  EXPECT_THAT(await<ShimFailed>().message, HasSubstr("/no/worker"));
}

TEST_F(RunnerTest, a_training_that_burns_time_and_says_heartbeats_only_is_told_as_stalled) {
  put("worker",
      "#!/usr/bin/python3\n"
      "import os, socket\n"
      "wire = socket.socket(socket.AF_UNIX)\n"
      "wire.connect(os.environ['LUTHIER_SOCKET'])\n"
      "while True:\n"
      "    wire.sendall(b'{\"type\":\"heartbeat\"}\\n{\"type\":\"progress\",\"done\":3}\\n')\n"
      "    sum(range(100_000))\n");
  std::filesystem::permissions(folder_ / "worker", std::filesystem::perms::owner_all);
  worker_ = folder_ / "worker";
  silence_ = {.notice_ms = 600'000, .hang_ms = 600'000, .stall_ms = 300};
  restart();
  Assignment assignment = command("");
  assignment.uses = "train";
  start(assignment);
  await<ProcessStalled>();
  EXPECT_FALSE(seen<ProcessSilent>());
  runner_->perform(StopProcess{id_, StopReason::kStalled, true});
  EXPECT_EQ(await<ProcessExited>().exit.signal, SIGKILL);
  EXPECT_EQ(read_stop_reason(attempt_folder()), StopReason::kStalled);
}

TEST_F(RunnerTest, names_an_input_that_the_store_lacks) {
  Assignment assignment = command("true");
  assignment.with["inputs"] = {{"x", {{"$artifact", sha256_digest("nothing")}}}};
  runner_->perform(FetchInputs{assignment});
  const InputsFailed failed = await<InputsFailed>();
  EXPECT_EQ(failed.code, "input_missing");
  EXPECT_EQ(failed.failure, FailureClass::kInfrastructure);
}

TEST_F(RunnerTest, stops_a_process_and_notes_why) {
  start(command("trap '' TERM; echo ready; while true; do sleep 0.02; done"));
  ASSERT_TRUE(eventually([&] { return log() == "ready\n"; }));
  runner_->perform(StopProcess{id_, StopReason::kTimedOut, false});
  EXPECT_EQ(await<ProcessExited>().exit.signal, SIGKILL);
  EXPECT_EQ(read_stop_reason(attempt_folder()), StopReason::kTimedOut);
}

TEST_F(RunnerTest, a_restarted_agent_finds_what_runs) {
  start(command("echo one; while [ ! -e done ]; do sleep 0.02; done; echo two; exit 5"));
  const std::int64_t pid = await<ShimStarted>().pid;
  restart();
  const RecoveredAttempt recovered = await<RecoveredAttempt>();
  EXPECT_EQ(recovered.found, Recovered::kRunning);
  EXPECT_EQ(recovered.pid, pid);
  EXPECT_EQ(recovered.assignment.with["command"],
            command("echo one; while [ ! -e done ]; do sleep 0.02; done; echo two; exit 5").with["command"]);
  put("attempts/r-1.one.1/work/done", "");
  EXPECT_EQ(await<ProcessExited>().exit.exit_code, 5);
  EXPECT_EQ(log(), "one\ntwo\n");
}

TEST_F(RunnerTest, a_restarted_agent_learns_of_an_end_it_missed) {
  start(command("while [ ! -e done ]; do sleep 0.02; done; exit 6"));
  await<ShimStarted>();
  runner_.reset();
  put("attempts/r-1.one.1/work/done", "");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(attempt_folder() / shim::kExitFile); }));
  restart();
  EXPECT_EQ(await<ProcessExited>().exit.exit_code, 6);
  await<ProcessTreeGone>();
}

TEST_F(RunnerTest, a_restarted_agent_starts_what_never_started) {
  runner_->perform(FetchInputs{command("true")});
  await<InputsReady>();
  restart();
  EXPECT_EQ(await<RecoveredAttempt>().found, Recovered::kNotStarted);
}

TEST_F(RunnerTest, a_shim_that_died_leaves_no_process_behind) {
  start(command("setsid sleep 1000 & echo $! > pid; sleep 1000"));
  ASSERT_TRUE(eventually([&] { return get(attempt_folder() / "work/pid").ends_with("\n"); }));
  const auto escaped = static_cast<pid_t>(std::stol(get(attempt_folder() / "work/pid")));
  const auto identity = shim::identify(escaped);
  ASSERT_TRUE(identity);
  ::kill(shim::read_shim_file(attempt_folder()).value().shim.pid, SIGKILL);
  EXPECT_FALSE(await<ProcessExited>().exit.recorded);
  await<ProcessTreeGone>();
  EXPECT_TRUE(eventually([&] { return !shim::is_running(*identity); }));
}

TEST_F(RunnerTest, reads_messages_of_a_worker_again_after_a_restart) {
  // A worker of its own: says on its socket what is in the file that job.json's folder holds.
  put("worker.sh",
      "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done\n"
      "printf '%s\\n' '{\"type\":\"checkpoint\",\"step\":3,\"path\":\"c3\",\"metrics\":{\"loss\":1}}' "
      "'{\"type\":\"result\",\"outputs\":{\"loss\":2}}' >> ../spool/messages.ndjson\n");
  std::filesystem::permissions(folder_ / "worker.sh", std::filesystem::perms::owner_all);
  worker_ = folder_ / "worker.sh";
  restart();
  Assignment assignment = command("");
  assignment.uses = "train";
  start(assignment);
  await<ShimStarted>();
  put("attempts/r-1.one.1/work/go", "");
  const ExitRecord exit = await<ProcessExited>().exit;
  EXPECT_TRUE(exit.has_result);
  EXPECT_EQ(exit.outputs, (Json{{"loss", 2}}));
  EXPECT_EQ(await<CheckpointSeen>().step, 3);
  restart();
  EXPECT_EQ(await<ProcessExited>().exit, exit);
  EXPECT_EQ(await<CheckpointSeen>().path, "c3");
}

TEST_F(RunnerTest, deletes_a_checkpoint_that_the_controller_has) {
  start(command("while [ ! -e done ]; do sleep 0.02; done"));
  await<ShimStarted>();
  const std::string work = "attempts/r-1.one.1/work/";
  for (const char* name : {"c3", "c6"}) {
    put(work + name + "/adapter/adapter_model.safetensors", name);
  }
  runner_->perform(UploadCheckpoint{id_, 3, "c3"});
  await<CheckpointUploaded>();
  runner_->prune_checkpoint(id_, 6);  // nothing of it was uploaded
  runner_->prune_checkpoint(id_, 3);
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(folder_ / work / "c3"); }));
  EXPECT_TRUE(std::filesystem::exists(folder_ / work / "c6"));
  runner_->perform(UploadCheckpoint{id_, 3, "c3"});  // as after a restart, which reads the spool again
  EXPECT_EQ(await<CheckpointUploadFailed>().step, 3);
}

struct ExitCase {
  const char* name;
  const char* uses;
  shim::ExitFile file;
  FailureClass said;
  FailureClass expected;
  const char* code;
};

TEST(ExitRecordTest, tells_the_shim_s_own_troubles_from_the_step_s) {
  const ExitCase cases[] = {
      {"a worker's own error stays", "train", {1, 0, "", "", 0}, FailureClass::kUser, FailureClass::kUser, "said"},
      {"of a command only the status counts",
       "run",
       {1, 0, "", "", 0},
       FailureClass::kUser,
       FailureClass::kNone,
       "said"},
      {"stopped by us", "run", {-1, 15, "agent", "", 0}, FailureClass::kNone, FailureClass::kNone, "said"},
      {"no agent came",
       "run",
       {-1, 15, "orphan_timeout", "x", 0},
       FailureClass::kNone,
       FailureClass::kInfrastructure,
       "orphaned"},
      {"disk full", "train", {0, 0, "spool", "x", 0}, FailureClass::kNone, FailureClass::kInfrastructure, "disk_full"},
      {"worker not started",
       "train",
       {127, 0, "", "x", 0},
       FailureClass::kNone,
       FailureClass::kInfrastructure,
       "start_failed"},
      {"command not found", "run", {127, 0, "", "x", 0}, FailureClass::kNone, FailureClass::kNone, "said"},
  };
  for (const ExitCase& one : cases) {
    Assignment assignment;
    assignment.uses = one.uses;
    ExitRecord said;
    said.error_class = one.said;
    said.error_code = "said";
    const ExitRecord made = make_exit_record(assignment, said, one.file);
    EXPECT_EQ(made.error_class, one.expected) << one.name;
    EXPECT_EQ(made.error_code, one.code) << one.name;
  }
}

}  // namespace
}  // namespace luthier::agents
