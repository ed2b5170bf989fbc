#include "cli/supervisor.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "cli/leftovers.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

TEST(RestartPolicy, PausesGrowAndEndlessEndsAreGivenUp) {
  RestartPolicy policy;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < RestartPolicy::kRestartsMax; ++i) {
    pauses.push_back(policy.on_end(1'000 * i).value_or(-1));
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{250, 500, 1'000, 2'000, 4'000}));
  EXPECT_EQ(policy.on_end(6'000), std::nullopt);
  RestartPolicy rare;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(rare.on_end(i * (RestartPolicy::kWindowMs + 1)), 250);
  }
}

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "luthier-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
      sigaddset(&signals, signal);
    }
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Attends until `condition` or an error, at most 20 s.
  template <class Condition>
  Result<void> attend_until(Condition condition) {
    for (int i = 0; i < 400; ++i) {
      if (condition()) {
        return {};
      }
      const Result<bool> attended = supervisor_.attend(milliseconds(50));
      if (!attended) {
        return attended.error();
      }
    }
    return Error{ErrorCode::kDeadlineExceeded, "it did not come true"};
  }

  fs::path folder_;
  SystemClock clock_;
  Supervisor supervisor_{clock_};
};

TEST_F(SupervisorTest, StartsAgainWhatIsKilled) {
  const auto program = supervisor_.start("sleeper", {"/bin/sleep", "1000"}, folder_ / "log");
  ASSERT_TRUE(program.has_value()) << program.error().message;
  const pid_t first = (*program)->pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(attend_until([&] { return (*program)->pid != 0 && (*program)->pid != first; }).has_value());
  EXPECT_TRUE(supervisor_.stop_all(milliseconds(20'000)));
  EXPECT_EQ((*program)->pid, 0);
}

TEST_F(SupervisorTest, WhatEndsWhileStartingIsReportedWithItsLastWords) {
  ASSERT_TRUE(write_file_atomically(folder_ / "log", "words of an earlier start\n").has_value());
  supervisor_.set_starting(true);
  ASSERT_TRUE(
      supervisor_.start("failer", {"/bin/sh", "-c", "echo port taken >&2; exit 3"}, folder_ / "log").has_value());
  const Result<void> ended = attend_until([] { return false; });
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().message, "failer ended with status 3 while starting:\nport taken");
}

TEST_F(SupervisorTest, AStopSignalIsToldOfAndWhatIgnoresItIsFound) {
  ASSERT_TRUE(
      supervisor_
          .start("stubborn", {"/bin/sh", "-c", "trap '' TERM; echo up; sleep 1000 & wait; sleep 1000"}, folder_ / "log")
          .has_value());
  ASSERT_TRUE(attend_until([&] { return read_file(folder_ / "log")->find("up") != std::string::npos; }).has_value());
  ::kill(::getpid(), SIGTERM);
  const Result<bool> stop = supervisor_.attend(milliseconds(5'000));
  ASSERT_TRUE(stop.has_value());
  EXPECT_TRUE(*stop);
  EXPECT_FALSE(supervisor_.stop_all(milliseconds(200)));
}

TEST_F(SupervisorTest, AMissingProgramIsAnError) {
  EXPECT_FALSE(supervisor_.start("nobody", {"/nonexistent/program"}, folder_ / "log").has_value());
}

TEST_F(SupervisorTest, LeftoversAreFoundByTheirJobAndOnlyBelowTheFolder) {
  const std::string script = "LUTHIER_JOB=" + (folder_ / "agents" / "x" / "job.json").string() + " exec sleep 1000";
  const auto program = supervisor_.start("step", {"/bin/sh", "-c", script}, folder_ / "log");
  ASSERT_TRUE(program.has_value());
  std::vector<Leftover> found;
  ASSERT_TRUE(attend_until([&] {
                found = find_leftovers(folder_ / "agents");
                return !found.empty();
              }).has_value());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, (*program)->pid);
  EXPECT_FALSE(found[0].shim);
  EXPECT_TRUE(find_leftovers(folder_ / "agent").empty());
  EXPECT_TRUE(find_leftovers(folder_ / "other").empty());
  signal_leftover(found[0], folder_ / "other", SIGKILL);
  EXPECT_EQ(::kill(found[0].pid, 0), 0);
  signal_leftover(found[0], folder_ / "agents", SIGKILL);
  EXPECT_TRUE(attend_until([&] { return find_leftovers(folder_ / "agents").empty(); }).has_value());
}

}  // namespace
}  // namespace luthier::cli
