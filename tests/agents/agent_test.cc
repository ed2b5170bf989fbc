// The real luthier-agent as a process, with real shims, against a controller that the test scripts.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/run/attempt_folder.h"
#include "agents/shim/process_tree.h"
#include "agents/shim/records.h"
#include "agents/shim/runtime_folder.h"
#include "base/child_process.h"
#include "base/unique_fd.h"
#include "tests/agents/fake_controller.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

class AgentTest : public FolderTest {
 protected:
  void SetUp() override {
    put("token", "right\n");
    start_agent();
  }
  void TearDown() override {
    kill_agent();
    for (const std::filesystem::path& attempt : list_attempt_folders(folder_ / "data/attempts")) {
      if (const auto file = read_attempt_file(attempt)) {
        if (const auto shim = shim::read_shim_file(attempt); shim && shim::is_running(shim->shim)) {
          ::kill(shim->shim.pid, SIGKILL);
        }
        eventually([&] { return shim::kill_leftovers(file->nonce, nullptr) == 0; });
        shim::remove_runtime_folder(shim::runtime_folder_for(file->nonce));
      }
    }
  }

  void start_agent(int stderr_fd = -1) {
    ChildOptions options;
    options.stderr_fd = stderr_fd;
    options.argv = {std::string(LUTHIER_BIN_DIR) + "/luthier-agent",
                    "--data",
                    folder_ / "data",
                    "--controller",
                    controller_.address(),
                    "--name",
                    "tester",
                    "--join-token-file",
                    folder_ / "token",
                    "--stop-grace",
                    "200ms"};
    options.argv.insert(options.argv.end(), more_.begin(), more_.end());
    options.environment = environment_;
    auto pid = spawn_child(options);
    ASSERT_TRUE(pid) << pid.error().message;
    agent_ = *pid;
  }
  int end_agent(int signal) {
    int status = -1;
    if (agent_ > 0) {
      ::kill(agent_, signal);
      EXPECT_TRUE(eventually([&] { return ::waitpid(agent_, &status, WNOHANG) != 0; }));
      agent_ = 0;
    }
    return status;
  }
  void kill_agent() { end_agent(SIGKILL); }

  std::size_t hellos() const {
    std::size_t count = 0;
    for (const v1::ConnectRequest& message : controller_.said()) {
      count += message.has_hello() ? 1 : 0;
    }
    return count;
  }
  void await_hello(std::size_t count) {
    ASSERT_TRUE(eventually([&] { return hellos() >= count; }));
  }
  std::size_t count_finished(const std::string& run) const {
    std::size_t count = 0;
    for (const v1::ConnectRequest& message : controller_.said()) {
      count += message.has_attempt_finished() && message.attempt_finished().attempt().run() == run ? 1 : 0;
    }
    return count;
  }
  v1::AttemptFinished await_finished(const std::string& run) {
    EXPECT_TRUE(eventually([&] { return count_finished(run) > 0; }));
    for (const v1::ConnectRequest& message : controller_.said()) {
      if (message.has_attempt_finished() && message.attempt_finished().attempt().run() == run) {
        return message.attempt_finished();
      }
    }
    return {};
  }
  v1::AllocationReleased released(const std::string& run) const {
    for (const v1::ConnectRequest& message : controller_.said()) {
      if (message.has_allocation_released() && message.allocation_released().attempt().run() == run) {
        return message.allocation_released();
      }
    }
    return {};
  }
  bool started(const std::string& run) const {
    for (const v1::ConnectRequest& message : controller_.said()) {
      if (message.has_attempt_started() && message.attempt_started().attempt().run() == run) {
        return true;
      }
    }
    return false;
  }
  std::filesystem::path work(const std::string& run) const { return folder_ / "data/attempts" / (run + ".one.1/work"); }

  FakeController controller_;
  pid_t agent_ = 0;
  std::vector<std::string> more_;  // options of agents that are started from now on
  std::vector<std::string> environment_;
};

TEST_F(AgentTest, joins_once_and_keeps_its_credential_to_itself) {
  await_hello(1);
  const v1::Hello hello = controller_.said().front().hello();
  EXPECT_EQ(hello.agent_id(), "a-1");
  EXPECT_EQ(hello.name(), "tester");
  EXPECT_GE(hello.resources().cpus(), 1);
  EXPECT_GT(hello.resources().memory_bytes(), 0u);
  const auto mode = std::filesystem::status(folder_ / "data/agent.json").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  ASSERT_TRUE(eventually([&] { return controller_.heartbeats() >= 3; }));
  kill_agent();
  start_agent();
  await_hello(2);
  EXPECT_EQ(controller_.joins(), 1);
}

TEST_F(AgentTest, runs_a_step_sends_its_log_and_removes_its_folder) {
  await_hello(1);
  controller_.start_command("r-1", "head -c 700000 /dev/zero | tr '\\\\000' x; echo; exit 3");
  const v1::AttemptFinished finished = await_finished("r-1");
  EXPECT_EQ(finished.outcome(), v1::OUTCOME_USER_FAILURE);
  EXPECT_EQ(finished.exit_code(), 3);
  EXPECT_EQ(controller_.log("r-1"), std::string(700'000, 'x') + "\n");
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(work("r-1")); }));
  EXPECT_EQ(count_finished("r-1"), 1u);
}

TEST_F(AgentTest, a_killed_agent_finds_its_step_again) {
  await_hello(1);
  controller_.start_command("r-1", "echo one; while [ ! -e done ]; do sleep 0.02; done; echo two");
  ASSERT_TRUE(eventually([&] { return controller_.log("r-1") == "one\n" && started("r-1"); }));
  kill_agent();
  start_agent();
  await_hello(2);
  const v1::Hello again = [&] {
    v1::Hello last;
    for (const v1::ConnectRequest& message : controller_.said()) {
      last = message.has_hello() ? message.hello() : last;
    }
    return last;
  }();
  ASSERT_EQ(again.held_size(), 1);
  EXPECT_EQ(again.held(0).state(), v1::HELD_STATE_RUNNING);
  EXPECT_EQ(again.held(0).attempt().run(), "r-1");
  put("data/attempts/r-1.one.1/work/done", "");
  EXPECT_EQ(await_finished("r-1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(controller_.log("r-1"), "one\ntwo\n");
}

TEST_F(AgentTest, a_step_goes_on_while_the_controller_is_away) {
  await_hello(1);
  controller_.start_command("r-1", "for i in 1 2 3; do echo $i; done; while [ ! -e done ]; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return started("r-1"); }));
  controller_.stop();
  put("data/attempts/r-1.one.1/work/done", "");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(work("r-1").parent_path() / shim::kExitFile); }));
  EXPECT_EQ(count_finished("r-1"), 0u);
  controller_.start();
  ASSERT_TRUE(controller_.running());
  EXPECT_EQ(await_finished("r-1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(controller_.log("r-1"), "1\n2\n3\n");
}

TEST_F(AgentTest, obeys_no_controller_that_another_one_has_superseded) {
  const auto restart_as = [this](std::uint64_t epoch) {
    controller_.stop();
    controller_.set_epoch(epoch - 1);
    controller_.start();
  };
  await_hello(1);
  restart_as(10);
  await_hello(2);
  controller_.start_command("r-1", "while [ ! -e done ]; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return started("r-1"); }));
  restart_as(2);
  await_hello(3);
  controller_.stop_attempt("r-1", v1::STOP_REASON_SUPERSEDED);
  await_hello(4);  // it turned away, and tries again
  controller_.stop_attempt("r-1", v1::STOP_REASON_SUPERSEDED);
  await_hello(5);
  restart_as(11);
  await_hello(6);
  put("data/attempts/r-1.one.1/work/done", "");
  EXPECT_EQ(await_finished("r-1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(AgentTest, stops_what_the_controller_asks_it_to) {
  await_hello(1);
  controller_.start_command("r-1", "trap '' TERM; echo ready; while true; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return controller_.log("r-1") == "ready\n"; }));
  controller_.stop_attempt("r-1", v1::STOP_REASON_CANCELLED);
  const v1::AttemptFinished finished = await_finished("r-1");
  EXPECT_EQ(finished.outcome(), v1::OUTCOME_STOPPED);
  EXPECT_EQ(finished.signal(), SIGKILL);
}

TEST_F(AgentTest, ends_at_SIGTERM_and_leaves_the_step_to_its_shim) {
  await_hello(1);
  controller_.start_command("r-1", "while [ ! -e done ]; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return started("r-1"); }));
  const int status = end_agent(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto process = shim::read_started_file(work("r-1").parent_path());
  ASSERT_TRUE(process);
  EXPECT_TRUE(shim::is_running(process->process));
  put("data/attempts/r-1.one.1/work/done", "");
  start_agent();
  EXPECT_EQ(await_finished("r-1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(AgentTest, tells_what_the_gpus_of_a_step_did_also_of_a_superseded_one) {
  await_hello(1);
  kill_agent();
  put("readings", "1000 0\n5000 50\n");
  more_ = {"--nvml-library", LUTHIER_FAKE_NVML};
  environment_ = {"FAKE_NVML_READINGS=" + (folder_ / "readings").string()};
  start_agent();
  await_hello(2);
  const auto measured = [&](const std::string& run) {
    const std::filesystem::path file = folder_ / "data/attempts" / (run + ".one.1") / "gpu.json";
    return get(file).find("\"busy_ms\":0.0") == std::string::npos && std::filesystem::exists(file);
  };
  for (const std::string run : {"r-1", "r-2"}) {
    controller_.start_command(run, "while [ ! -e done ]; do sleep 0.02; done", {1});
    ASSERT_TRUE(eventually([&] { return started(run); }));
    ASSERT_TRUE(eventually([&] {
      end_agent(SIGTERM);  // it saves what was measured; the next one goes on from there
      start_agent();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      return measured(run);
    }));
    if (run == "r-1") {
      put("data/attempts/r-1.one.1/work/done", "");
    } else {
      ASSERT_TRUE(eventually([&] {
        controller_.stop_attempt(run, v1::STOP_REASON_SUPERSEDED);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return released(run).has_usage();
      }));
    }
  }
  for (const v1::Usage& usage : {await_finished("r-1").usage(), released("r-2").usage()}) {
    EXPECT_EQ(usage.peak_gpu_memory_bytes(), 5'000u);
    EXPECT_NEAR(usage.mean_gpu_utilization(), 0.5, 1e-9);
    EXPECT_GT(usage.gpu_seconds(), 0);
  }
  EXPECT_EQ(count_finished("r-2"), 0u);
}

TEST_F(AgentTest, runs_steps_as_another_user_who_sees_nothing_of_the_agents) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can run steps as another user";
  }
  await_hello(1);
  kill_agent();
  std::filesystem::permissions(folder_, std::filesystem::perms(0711));
  more_ = {"--step-user", "nobody"};
  start_agent();
  await_hello(2);
  controller_.start_command(
      "r-1",
      "id -u; id -g; id -G; pwd -P > here && cat $LUTHIER_JOB > /dev/null && echo job; test -S $LUTHIER_SOCKET && echo "
      "socket; for file in attempt.json launch.json shim.json started.json spool/log ../../agent.json; do cat ../$file "
      "2> /dev/null && echo leaked $file; done; ls .. ../.. ../../.. 2> /dev/null && echo listed; (echo x > ../x) 2> "
      "/dev/null && echo wrote; grep NoNewPrivs /proc/self/status; mktemp > /dev/null && echo temporary");
  EXPECT_EQ(await_finished("r-1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(controller_.log("r-1"), "65534\n65534\n65534\njob\nsocket\nNoNewPrivs:\t1\ntemporary\n");
}

TEST_F(AgentTest, does_not_start_when_the_user_of_steps_is_unknown_or_cannot_reach_its_folder) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can run steps as another user";
  }
  kill_agent();
  for (const auto& [user, message] : {std::pair{"no-such-user", "there is no such user"},
                                      {"root", "steps would be root"},
                                      {"nobody", "the user cannot pass through"}}) {  // the test's folder is 0700
    more_ = {"--step-user", user};
    const UniqueFd said(::memfd_create("said", MFD_CLOEXEC));
    start_agent(said.get());
    const int status = end_agent(0);
    EXPECT_EQ(WEXITSTATUS(status), 1);
    std::string text(4'096, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(said.get(), text.data(), text.size(), 0))));
    EXPECT_THAT(text, ::testing::HasSubstr(message));
  }
}

TEST_F(AgentTest, a_second_agent_on_the_same_folder_is_refused) {
  await_hello(1);
  ChildOptions options;
  options.argv = {std::string(LUTHIER_BIN_DIR) + "/luthier-agent", "--data", folder_ / "data"};
  auto second = spawn_child(options);
  ASSERT_TRUE(second);
  int status = 0;
  ASSERT_EQ(::waitpid(*second, &status, 0), *second);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(AgentTest, a_wrong_join_token_is_an_error_not_a_wait) {
  put("token", "wrong");
  ChildOptions options;
  options.argv = {std::string(LUTHIER_BIN_DIR) + "/luthier-agent",
                  "--data",
                  folder_ / "other",
                  "--controller",
                  controller_.address(),
                  "--join-token-file",
                  folder_ / "token"};
  auto other = spawn_child(options);
  ASSERT_TRUE(other);
  int status = 0;
  ASSERT_EQ(::waitpid(*other, &status, 0), *other);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace luthier::agents
