// luthierd as a process: what it leaves in its folder, how it ends, and what survives a kill.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "tests/controller/fleet/test_agent.h"

namespace luthier::controller {
namespace {

using fleet::ControlStream;
using fleet::TestAgent;
using testing::HasSubstr;

class LuthierdTest : public testing::Test {
 protected:
  LuthierdTest()
      : folder_(std::filesystem::path(testing::TempDir()) / ("luthierd_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~LuthierdTest() override {
    kill_and_wait(SIGKILL);
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path data() const { return folder_ / "data"; }
  std::filesystem::path log() const { return folder_ / "log"; }

  pid_t spawn(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), LUTHIER_BIN_DIR "/luthierd");
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int out = ::open(log().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    return pid;
  }
  // Starts one and waits until it says that it is ready.
  void start() {
    const std::filesystem::path ready = folder_ / "ready.json";
    std::filesystem::remove(ready);
    pid_ = spawn({"--data", data(), "--http-port", "0", "--grpc-port=0", "--ready-file", ready});
    const auto end = std::chrono::steady_clock::now() + fleet::kPatience;
    while (!std::filesystem::exists(ready)) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << read_file(log()).value();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const nlohmann::json said = nlohmann::json::parse(read_file(ready).value());
    EXPECT_EQ(said.at("pid"), *pid_);
    EXPECT_THAT(said.at("http_url").get<std::string>(), testing::StartsWith("http://127.0.0.1:"));
    address_ = said.at("grpc_address");
  }
  static int wait(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }
  int kill_and_wait(int signal) {
    if (!pid_) {
      return 0;
    }
    ::kill(*pid_, signal);
    return wait(*std::exchange(pid_, std::nullopt));
  }
  // Runs one that ends by itself: its exit status, its output in log().
  int exit_status(const std::vector<std::string>& arguments) {
    const int status = wait(spawn(arguments));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string secret(const std::string& name) const {
    const std::string text = read_file(data() / name).value();
    return text.substr(0, text.find('\n'));
  }
  mode_t mode(const std::filesystem::path& path) const {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }

  std::filesystem::path folder_;
  std::optional<pid_t> pid_;
  std::string address_;
};

TEST_F(LuthierdTest, KeepsItsFolderAndSecretsToItself) {
  start();
  EXPECT_EQ(mode(data()), 0700U);
  EXPECT_EQ(mode(data() / "admin.key"), 0600U);
  EXPECT_EQ(mode(data() / "agent-join.token"), 0600U);
  EXPECT_TRUE(TestAgent(address_).join(secret("agent-join.token")).ok());
  EXPECT_EQ(kill_and_wait(SIGTERM), 0);
  const std::string output = read_file(log()).value();
  EXPECT_THAT(output, HasSubstr("\"event\":\"stopped\""));
  EXPECT_EQ(output.find(secret("admin.key")), std::string::npos);
  EXPECT_EQ(output.find(secret("agent-join.token")), std::string::npos);
}

TEST_F(LuthierdTest, StopsWithAgentsConnected) {
  start();
  TestAgent agent(address_);
  ASSERT_TRUE(agent.join(secret("agent-join.token")).ok());
  ControlStream stream = agent.connect();
  EXPECT_EQ(kill_and_wait(SIGTERM), 0);
  EXPECT_EQ(stream.end().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(LuthierdTest, ComesBackFromAKillWithANewEpochAndTheSameAgentsAndKeys) {
  start();
  const std::string key = secret("admin.key");
  TestAgent agent(address_);
  ASSERT_TRUE(agent.join(secret("agent-join.token")).ok());
  std::uint64_t first_epoch = 0;
  {
    ControlStream stream = agent.open();
    stream.say(agent.hello());
    first_epoch = stream.hear().welcome().epoch();
    EXPECT_EQ(first_epoch, 1U);
    EXPECT_TRUE(WIFSIGNALED(kill_and_wait(SIGKILL)));
  }
  start();
  TestAgent again(address_, agent.id, agent.credential);
  ControlStream stream = again.open();
  stream.say(again.hello());
  EXPECT_EQ(stream.hear().welcome().epoch(), first_epoch + 1);
  EXPECT_EQ(secret("admin.key"), key);
}

TEST_F(LuthierdTest, ASecondControllerIsKeptFromTheFolder) {
  start();
  EXPECT_EQ(exit_status({"--data", data(), "--http-port", "0", "--grpc-port", "0"}), 1);
  EXPECT_THAT(read_file(log()).value(), HasSubstr("is in use by process " + std::to_string(*pid_)));
}

TEST_F(LuthierdTest, ATakenPortEndsItWithOneSentence) {
  start();
  const std::string port = address_.substr(address_.find(':') + 1);
  for (const char* option : {"--grpc-port", "--http-port"}) {
    const std::string other = option == std::string("--grpc-port") ? "--http-port" : "--grpc-port";
    EXPECT_EQ(exit_status({"--data", folder_ / "other", option, port, other, "0"}), 1);
    EXPECT_THAT(read_file(log()).value(), HasSubstr("luthierd: "));
    EXPECT_THAT(read_file(log()).value(), HasSubstr("127.0.0.1:" + port));
    EXPECT_EQ(read_file(log()).value().find("\nE"), std::string::npos);  // gRPC's own format is not for our readers
  }
}

TEST_F(LuthierdTest, BadUsageIsRefused) {
  EXPECT_EQ(exit_status({}), 2);
  EXPECT_THAT(read_file(log()).value(), HasSubstr("--data DIR is required"));
  EXPECT_EQ(exit_status({"--data", data(), "--grpc-host", "0.0.0.0"}), 2);
  EXPECT_THAT(read_file(log()).value(), HasSubstr("not a loopback address"));
  EXPECT_EQ(exit_status({"--help"}), 0);
  EXPECT_THAT(read_file(log()).value(), HasSubstr("luthierd --data DIR"));
  std::ofstream(folder_ / "file") << "not a folder";
  EXPECT_EQ(exit_status({"--data", folder_ / "file"}), 1);
  EXPECT_THAT(read_file(log()).value(), HasSubstr((folder_ / "file").string()));
}

}  // namespace
}  // namespace luthier::controller
