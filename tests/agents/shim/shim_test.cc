#include "agents/shim/cgroup.h"
#include "base/clock.h"
#include "tests/agents/shim/shim_fixture.h"

namespace luthier::shim {
namespace {

pid_t pid_in(const std::filesystem::path& file) {
  EXPECT_TRUE(eventually([&] {
    auto text = read_file(file);
    return text && text->ends_with("\n");
  })) << file;
  auto text = read_file(file);
  return text ? static_cast<pid_t>(std::stol(*text)) : 0;
}

bool gone(pid_t pid) {
  auto identity = identify(pid);
  return !identity || !is_running(*identity);
}

struct EndCase {
  const char* name;
  const char* command;
  int exit_code;
  int signal;
};

class ShimEndTest : public ShimTest, public ::testing::WithParamInterface<EndCase> {};

TEST_P(ShimEndTest, records_how_the_process_ended) {
  start_command(GetParam().command);
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.exit_code, GetParam().exit_code);
  EXPECT_EQ(exit.signal, GetParam().signal);
  EXPECT_EQ(exit.stopped_by, "");
  EXPECT_GT(exit.ended_wall_ms, 0);
}

INSTANTIATE_TEST_SUITE_P(Ends, ShimEndTest,
                         ::testing::Values(EndCase{"success", "exit 0", 0, 0}, EndCase{"failure", "exit 7", 7, 0},
                                           EndCase{"killed", "kill -9 $$", -1, SIGKILL},
                                           EndCase{"terminated", "kill -15 $$", -1, SIGTERM},
                                           EndCase{"aborted", "kill -6 $$", -1, SIGABRT}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(ShimTest, keeps_output_byte_for_byte_in_order_of_writing) {
  start_command("printf 'a\\000b\\377\\n'; printf 'error\\r\\n' >&2; printf 'no newline'");
  wait_for_exit();
  EXPECT_EQ(log(), std::string("a\0b\377\nerror\r\nno newline", 22));
}

TEST_F(ShimTest, keeps_a_burst_larger_than_any_pipe) {
  start_command("head -c 3000000 /dev/zero | tr '\\000' 'x'; echo end");
  EXPECT_EQ(wait_for_exit().exit_code, 0);
  EXPECT_EQ(log(), std::string(3'000'000, 'x') + "end\n");
}

TEST_F(ShimTest, keeps_what_a_step_wrote_by_reopening_its_output) {
  start_command("echo one; echo two > /dev/stdout; echo three > /dev/stderr");
  wait_for_exit();
  EXPECT_EQ(log(), "one\ntwo\nthree\n");
}

TEST_F(ShimTest, gives_the_process_a_clean_world) {
  ::setenv("SECRET_OF_THE_AGENT", "1", 1);
  start_command(
      "env | sort | grep -v -e _= -e NONCE -e PWD; pwd; ls /proc/self/fd | wc -l; ulimit -c; head -c 1 | wc -c");
  wait_for_exit();
  // ls itself opens one descriptor beyond the standard three.
  EXPECT_EQ(log(), "GREETING=hello\nPATH=/usr/bin:/bin\n" + (folder_ / "work").string() + "\n4\n0\n0\n");
}

TEST_F(ShimTest, kills_what_the_process_left_behind) {
  start_command("(setsid sleep 1000 & echo $! > pid); sleep 1000 & echo $! > pid2; exit 3");
  EXPECT_EQ(wait_for_exit().exit_code, 3);
  EXPECT_TRUE(gone(pid_in(folder_ / "work/pid")));
  EXPECT_TRUE(gone(pid_in(folder_ / "work/pid2")));
  EXPECT_FALSE(std::filesystem::exists(runtime()));
}

TEST_F(ShimTest, names_a_program_that_cannot_be_started) {
  start(launch_of({"no-such-program-here"}));
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.exit_code, 127);
  EXPECT_THAT(exit.error, ::testing::HasSubstr("no-such-program-here"));
  EXPECT_EQ(log(), "luthier: " + exit.error + "\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / kStartedFile));
}

TEST_F(ShimTest, spools_messages_but_not_heartbeats_or_progress) {
  start_command("while [ ! -e done ]; do sleep 0.02; done");
  const UniqueFd agent = connect(kControlSocket);
  const UniqueFd worker = connect(kWorkerSocket);
  say(worker, "{\"type\":\"hello\"}\n{\"type\":\"heartbeat\"}\n{\"type\":\"progress\",\"done\":4}\n{\"type\":\"met");
  say(worker, "ric\",\"step\":1}\nnot json\n");
  say(worker, std::string(kLineBytesMax + 10, 'x') + "\n{\"type\":\"result\",\"outputs\":{}}\n");
  const Json status = next_line(agent, [](const Json& line) { return line["progress"].is_object(); });
  EXPECT_EQ(status["progress"]["done"], 4);
  ASSERT_TRUE(write_file_atomically(folder_ / "work/done", ""));
  EXPECT_EQ(wait_for_exit().exit_code, 0);
  EXPECT_EQ(messages(),
            "{\"type\":\"hello\"}\n{\"type\":\"metric\",\"step\":1}\nnot json\n{\"type\":\"oversized_message\"}\n"
            "{\"type\":\"result\",\"outputs\":{}}\n");
}

TEST_F(ShimTest, tells_apart_a_process_that_only_lives_from_one_that_goes_on) {
  start_command("sleep 1000");
  wait_for_start();
  const UniqueFd step = connect(kWorkerSocket);
  const UniqueFd agent = connect(kControlSocket);
  const auto status_after = [&](const std::string& line, const std::function<bool(const Json&)>& wanted) {
    say(step, line + "\n");
    Json status;
    EXPECT_TRUE(eventually([&] {
      say(agent, "{\"type\":\"ping\"}\n");
      status =
          next_line(agent, [](const Json& json) { return json.is_object() && json.value("type", "") == "status"; });
      return wanted(status);
    }));
    return status;
  };
  const auto moved = [](const Json& status) { return status["stalled_ms"] == status["silent_ms"]; };
  const auto only_lives = [](const Json& status) {
    return status["stalled_ms"].get<int>() > status["silent_ms"].get<int>();
  };
  const std::string one = "{\"type\":\"progress\",\"done\":1,\"loss\":2}";
  EXPECT_EQ(
      status_after(one, [](const Json& status) { return status["progress"].is_object(); })["stalled_ms"].is_number(),
      true);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  status_after("{\"type\":\"heartbeat\"}", only_lives);
  status_after("{\"type\":\"progress\",\"done\":1,\"loss\":1}", only_lives);
  status_after("{\"type\":\"progress\",\"done\":2,\"loss\":1}", moved);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  status_after("{\"type\":\"heartbeat\"}", only_lives);
  status_after("{\"type\":\"metric\",\"step\":3,\"values\":{}}", moved);
}

TEST_F(ShimTest, passes_checkpoint_requests_on) {
  start_command("sleep 1000");
  const UniqueFd worker = connect(kWorkerSocket);
  say(worker, "{\"type\":\"hello\"}\n");
  const UniqueFd agent = connect(kControlSocket);
  ASSERT_TRUE(eventually([&] { return !messages().empty(); }));
  say(agent, "{\"type\":\"checkpoint_now\"}\n");
  EXPECT_EQ(next_line(worker, [](const Json&) { return true; })["type"], "checkpoint_now");
  say(agent, "{\"type\":\"kill\"}\n");
  EXPECT_EQ(wait_for_exit().signal, SIGKILL);
}

TEST_F(ShimTest, answers_a_ping_with_its_state) {
  start_command("printf 12345; sleep 1000");
  const StartedFile started = wait_for_start();
  ASSERT_TRUE(eventually([&] { return log().size() == 5; }));
  const UniqueFd agent = connect(kControlSocket);
  say(agent, "{\"type\":\"ping\"}\n");
  auto status = status_from_json(next_line(agent, [](const Json& line) { return line["type"] == "status"; }));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->pid, started.process.pid);
  EXPECT_EQ(status->state, "running");
  EXPECT_EQ(status->log_bytes, 5u);
  EXPECT_TRUE(is_running(started.process));
}

TEST_F(ShimTest, stops_with_TERM_and_keeps_the_exit_status) {
  start_command("trap 'echo stopping; exit 0' TERM; echo ready; while true; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return log() == "ready\n"; }));
  const UniqueFd agent = connect(kControlSocket);
  say(agent, "{\"type\":\"stop\",\"grace_ms\":60000}\n");
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_EQ(exit.stopped_by, "agent");
  EXPECT_THAT(log(), ::testing::EndsWith("stopping\n"));  // the shell may report its sleep's end before
}

TEST_F(ShimTest, kills_after_the_grace_period) {
  start_command("trap '' TERM; echo ready; while true; do sleep 0.02; done");
  ASSERT_TRUE(eventually([&] { return log() == "ready\n"; }));
  const UniqueFd agent = connect(kControlSocket);
  say(agent, "{\"type\":\"stop\",\"grace_ms\":100}\n");
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.exit_code, -1);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST_F(ShimTest, treats_its_own_TERM_as_stop) {
  start_command("echo ready; exec sleep 1000");
  ASSERT_TRUE(eventually([&] { return log() == "ready\n"; }));
  ::kill(shim_, SIGTERM);
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_EQ(exit.stopped_by, "signal");
}

TEST_F(ShimTest, stops_a_step_whose_output_the_disk_cannot_take) {
  std::filesystem::create_directories(folder_ / "spool");
  std::filesystem::create_symlink("/dev/full", folder_ / kSpoolLog);
  start_command("echo lost; sleep 1000");
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.stopped_by, "spool");
  EXPECT_THAT(exit.error, ::testing::HasSubstr("No space left on device"));
}

TEST_F(ShimTest, stops_a_step_that_no_agent_attends) {
  Launch launch = launch_of({"/bin/sleep", "1000"});
  launch.orphan_timeout_ms = 100;
  start(launch);
  EXPECT_EQ(wait_for_exit().stopped_by, "orphan_timeout");
}

TEST_F(ShimTest, does_not_stop_a_step_that_an_agent_attends) {
  Launch launch = launch_of({"/bin/sleep", "0.5"});
  launch.orphan_timeout_ms = 250;
  start(launch);
  const UniqueFd agent = connect(kControlSocket);
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.stopped_by, "");
  EXPECT_EQ(exit.exit_code, 0);
}

TEST_F(ShimTest, a_step_whose_lease_is_not_renewed_is_stopped_and_then_killed) {
  const std::int64_t now = SystemClock().now().monotonic_ms;
  Launch launch = launch_of({"/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"});
  launch.grace_ms = 1'000'000;            // the lease does not wait for it
  launch.lease_stop_at_ms = now + 2'000;  // after it has started, on a busy machine too
  launch.lease_kill_at_ms = now + 2'200;
  start(launch);
  const UniqueFd agent = connect(kControlSocket);  // attached, but with nothing to say
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.stopped_by, "lease");
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST_F(ShimTest, a_renewed_lease_lets_the_step_go_on_and_never_steps_back) {
  const std::int64_t now = SystemClock().now().monotonic_ms;
  Launch launch = launch_of({"/bin/sleep", "0.6"});
  launch.lease_stop_at_ms = now + 300;
  launch.lease_kill_at_ms = now + 400;
  start(launch);
  const UniqueFd agent = connect(kControlSocket);
  say(agent, Json{{"type", "lease"}, {"stop_at_ms", now + 900'000}, {"kill_at_ms", now + 900'000}}.dump() + "\n");
  say(agent, Json{{"type", "lease"}, {"stop_at_ms", now + 310}, {"kill_at_ms", now + 320}}.dump() + "\n");
  say(agent, "{\"type\":\"lease\",\"stop_at_ms\":\"soon\"}\n");
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.stopped_by, "");
  EXPECT_EQ(exit.exit_code, 0);
}

TEST_F(ShimTest, a_step_whose_lease_is_over_is_never_started) {
  Launch launch = launch_of({"/bin/sh", "-c", "touch started"});
  launch.lease_stop_at_ms = launch.lease_kill_at_ms = SystemClock().now().monotonic_ms - 1;
  start(launch);
  EXPECT_EQ(wait_for_exit().stopped_by, "lease");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "work/started"));
}

TEST_F(ShimTest, records_what_the_step_and_all_it_started_used) {
  start_command("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done & wait");
  const ExitFile exit = wait_for_exit();
  EXPECT_GT(exit.cpu_ms, 0);
  EXPECT_GT(exit.peak_memory_bytes, 100'000U);
  EXPECT_FALSE(exit.out_of_memory);
}

TEST_F(ShimTest, a_step_that_uses_more_memory_than_it_may_is_killed_and_told_so) {
  Launch launch = launch_of({"/usr/bin/python3", "-c", "kept = b'x' * 60_000_000; __import__('time').sleep(60)"});
  launch.memory_bytes_max = std::uint64_t{16} << 20;
  start(launch);
  const ExitFile exit = wait_for_exit();
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_EQ(exit.stopped_by, "memory");
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_GT(exit.peak_memory_bytes, std::uint64_t{16} << 20);
}

TEST_F(ShimTest, an_allocation_beyond_the_data_limit_fails) {
  Launch launch = launch_of({"/usr/bin/python3", "-c", "kept = b'x' * 200_000_000"});
  launch.data_bytes_max = std::uint64_t{100} << 20;
  start(launch);
  const ExitFile exit = wait_for_exit();
  EXPECT_NE(exit.exit_code, 0);
  EXPECT_FALSE(exit.out_of_memory);
}

// A folder in place of the kernel's: what is written and read is what counts. The kernel itself is not to be had in
// every place where tests run.
TEST_F(ShimTest, a_step_in_a_group_gets_its_limits_and_is_measured_by_it) {
  const std::filesystem::path group = folder_ / "group";
  std::filesystem::create_directories(group);
  for (const char* file : {"cgroup.procs", "memory.max", "memory.oom.group", "cpu.max", "cgroup.kill"}) {
    ASSERT_TRUE(write_file_atomically(group / file, ""));
  }
  ASSERT_TRUE(write_file_atomically(group / "memory.peak", "70000000\n"));
  ASSERT_TRUE(write_file_atomically(group / "memory.events", "low 0\noom 1\noom_kill 1\n"));
  ASSERT_TRUE(write_file_atomically(group / "cpu.stat", "usage_usec 9000000\nuser_usec 1\n"));
  Launch launch = launch_of({"/bin/sh", "-c", "sleep 1000 & wait"});
  launch.cgroup = group;
  launch.cpus_max = 1.5;
  launch.memory_bytes_max = std::uint64_t{1} << 30;
  start(launch);
  wait_for_start();
  const UniqueFd agent = connect(kControlSocket);
  say(agent, "{\"type\":\"kill\"}\n");
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(read_file(group / "cgroup.procs").value(), "0");
  EXPECT_EQ(read_file(group / "memory.max").value(), "1073741824");
  EXPECT_EQ(read_file(group / "memory.oom.group").value(), "1");
  EXPECT_EQ(read_file(group / "cpu.max").value(), "150000 100000");
  EXPECT_EQ(read_file(group / "cgroup.kill").value(), "1");
  EXPECT_EQ(exit.cpu_ms, 9'000);
  EXPECT_EQ(exit.peak_memory_bytes, 70'000'000U);
  EXPECT_TRUE(exit.out_of_memory);
}

TEST_F(ShimTest, a_step_whose_group_cannot_be_made_runs_without_and_says_so) {
  Launch launch = launch_of({"/bin/echo", "ran"});
  launch.cgroup = folder_ / "missing/group";
  start(launch);
  EXPECT_EQ(wait_for_exit().exit_code, 0);
  EXPECT_THAT(log(), ::testing::HasSubstr("cannot make the control group"));
  EXPECT_THAT(log(), ::testing::HasSubstr("ran\n"));
}

// The kernel's own groups, where this process may make some. Nothing beside the new group is touched.
TEST_F(ShimTest, a_step_in_a_real_group_cannot_leave_it_and_ends_with_it) {
  const std::filesystem::path parent = delegated_group();
  if (parent.empty()) {
    GTEST_SKIP() << "skipped: no delegated cgroup v2";
  }
  const auto controllers = prepare_cgroup_parent(parent);
  ASSERT_TRUE(controllers) << controllers.error().message;
  Launch launch = launch_of({"/bin/sh", "-c",
                             "cat /proc/self/cgroup; (setsid sleep 1000 & echo $! > pid); "
                             "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"});
  launch.cgroup = parent / "step";
  launch.memory_bytes_max = std::uint64_t{256} << 20;
  launch.cpus_max = 1;
  start(launch);
  const ExitFile exit = wait_for_exit();
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_THAT(log(), ::testing::HasSubstr("/" + parent.filename().string() + "/step\n"));
  EXPECT_TRUE(gone(pid_in(folder_ / "work/pid")));
  EXPECT_GT(exit.cpu_ms, 0);
  EXPECT_FALSE(std::filesystem::exists(parent / "step")) << "a group is removed with its step";
  std::printf("controllers of this host's groups: '%s'\n", controllers->c_str());
  ::rmdir(parent.c_str());
}

TEST_F(ShimTest, the_kernel_keeps_a_step_in_a_real_group_to_its_memory) {
  const std::filesystem::path parent = delegated_group();
  const auto controllers = parent.empty() ? Result<std::string>("") : prepare_cgroup_parent(parent);
  ASSERT_TRUE(controllers) << controllers.error().message;
  if (controllers->find("memory") == std::string::npos) {
    ::rmdir(parent.c_str());
    GTEST_SKIP() << "skipped: no delegated cgroup v2 with memory";
  }
  Launch launch = launch_of({"/usr/bin/python3", "-c", "kept = b'x' * 200_000_000"});
  launch.cgroup = parent / "step";
  launch.memory_bytes_max = std::uint64_t{64} << 20;
  start(launch);
  const ExitFile exit = wait_for_exit();
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_EQ(exit.signal, SIGKILL);
  ::rmdir(parent.c_str());
}

TEST(CgroupTest, a_folder_that_is_no_group_is_refused) {
  const auto prepared = prepare_cgroup_parent("/tmp");
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().message, ::testing::HasSubstr("/tmp is not a control group (version 2)"));
}

TEST_F(ShimTest, files_of_the_step_get_the_usual_mode) {
  start_command("umask");
  wait_for_exit();
  EXPECT_EQ(log(), "0022\n");
}

TEST_F(ShimTest, a_step_of_another_user_has_its_output_and_its_socket_and_dies_with_its_shim) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can run steps as another user";
  }
  std::filesystem::permissions(folder_, std::filesystem::perms(0711));
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::chown((folder_ / "work").c_str(), kNobody, kNobody), 0);
  Launch launch = launch_of({"/bin/sh", "-c", "id -u; echo again > /dev/stdout; touch mine; sleep 1000"});
  launch.user = ChildUser{kNobody, kNobody, {}};
  start(launch);
  const StartedFile started = wait_for_start();
  EXPECT_TRUE(eventually([&] { return log() == "65534\nagain\n"; }));
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(folder_ / "work/mine"); }));
  struct stat socket {};
  ASSERT_EQ(::stat((runtime() / kWorkerSocket).c_str(), &socket), 0);
  EXPECT_EQ(socket.st_uid, kNobody);
  ASSERT_EQ(::stat((runtime() / kControlSocket).c_str(), &socket), 0);
  EXPECT_EQ(socket.st_uid, 0U);
  ::kill(shim_, SIGKILL);
  ::waitpid(shim_, nullptr, 0);
  shim_ = 0;
  EXPECT_TRUE(eventually([&] { return !is_running(started.process); }));
  EXPECT_TRUE(eventually([&] { return kill_leftovers(nonce_, &started.process) == 0; }));
}

TEST_F(ShimTest, its_death_kills_the_process_and_leftovers_are_found_by_nonce) {
  start_command("(setsid sleep 1000 & echo $! > pid); sleep 1000 & echo $! > pid2; sleep 1000");
  const StartedFile started = wait_for_start();
  const pid_t escaped = pid_in(folder_ / "work/pid");
  const pid_t background = pid_in(folder_ / "work/pid2");
  ::kill(shim_, SIGKILL);
  ::waitpid(shim_, nullptr, 0);
  shim_ = 0;
  EXPECT_TRUE(eventually([&] { return !is_running(started.process); }));
  EXPECT_TRUE(eventually([&] {
    kill_leftovers(nonce_, &started.process);
    return gone(escaped) && gone(background);
  }));
  EXPECT_FALSE(read_exit_file(folder_));
}

TEST_F(ShimTest, numbers_of_records_must_be_whole_and_fit) {
  for (const char* number : {"1e99", "1.5", "4294967296", "\"1\"", "null"}) {
    ASSERT_TRUE(write_file_atomically(folder_ / kExitFile, std::string("{\"exit_code\":") + number +
                                                               ",\"signal\":0,\"stopped_by\":\"\",\"error\":\"\","
                                                               "\"ended_wall_ms\":1}"));
    const auto exit = read_exit_file(folder_);
    ASSERT_FALSE(exit) << number;
    EXPECT_EQ(exit.error().code, ErrorCode::kDataLoss);
  }
}

TEST_F(ShimTest, an_attempt_runs_once) {
  start_command("echo ran");
  wait_for_exit();
  start_command("echo again");
  int status = 0;
  ASSERT_EQ(::waitpid(shim_, &status, 0), shim_);
  shim_ = 0;
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(log(), "ran\n");
}

TEST_F(ShimTest, a_second_shim_leaves_a_running_attempt_alone) {
  start_command("sleep 1000");
  wait_for_start();
  ChildOptions options;
  options.argv = {std::string(LUTHIER_BIN_DIR) + "/luthier-shim", folder_.string()};
  auto second = spawn_child(options);
  ASSERT_TRUE(second);
  int status = 0;
  ASSERT_EQ(::waitpid(*second, &status, 0), *second);
  EXPECT_EQ(WEXITSTATUS(status), 2);
  const UniqueFd agent = connect(kControlSocket);
  say(agent, "{\"type\":\"kill\"}\n");
  wait_for_exit();
}

TEST(IdentityTest, a_reused_pid_is_another_process) {
  auto self = identify(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_running(*self));
  ProcessIdentity other = *self;
  other.start_ticks += 1;
  EXPECT_FALSE(is_running(other));
  other = *self;
  other.boot_id = "another boot";
  EXPECT_FALSE(is_running(other));
}

TEST(UnixSocketTest, refuses_a_path_that_does_not_fit) {
  auto listener = listen_unix("/tmp/" + std::string(110, 'x'));
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace luthier::shim
