// `luthier up` with the real controller, and commands against it, as processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

class UpTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "luthier-up-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    start_up();
  }
  void TearDown() override {
    stop_up(SIGTERM);
    fs::remove_all(folder_);
  }

  void start_up() {
    const UniqueFd log(::open((folder_ / "up.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ChildOptions options;
    options.argv = {luthier_, "up", "--data", data(), "--http-port", "0", "--grpc-port", "0", "--agents", "0"};
    options.environment = {"PATH=/usr/bin:/bin"};
    options.stdout_fd = log.get();
    options.stderr_fd = log.get();
    options.parent_death_signal = SIGTERM;
    const auto pid = spawn_child(options);
    ASSERT_TRUE(pid.has_value()) << pid.error().message;
    up_ = *pid;
    ASSERT_TRUE(wait_until([&] { return fs::exists(folder_ / "data" / "url"); })) << log_text();
  }

  // Its exit status, or minus the signal that ended it.
  int stop_up(int signal) {
    if (up_ == 0) {
      return 0;
    }
    ::kill(up_, signal);
    int status = 0;
    ::waitpid(up_, &status, 0);
    up_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  struct Outcome {
    int status = 0;
    std::string output;
  };
  // `interrupt_at`: SIGINT once the output holds this.
  Outcome luthier(std::vector<std::string> arguments, const std::string& interrupt_at = {}) {
    const fs::path output = folder_ / "output";
    fs::remove(output);
    Outcome outcome;
    const UniqueFd file(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ChildOptions options;
    options.argv = {luthier_, "--data", data()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = {"PATH=/usr/bin:/bin"};
    options.stdout_fd = file.get();
    options.stderr_fd = file.get();
    const auto pid = spawn_child(options);
    EXPECT_TRUE(pid.has_value());
    if (!interrupt_at.empty()) {
      EXPECT_TRUE(wait_until([&] { return read_file(output)->find(interrupt_at) != std::string::npos; }));
      ::kill(pid.value(), SIGINT);
    }
    int status = 0;
    ::waitpid(pid.value(), &status, 0);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    outcome.output = read_file(output).value();
    return outcome;
  }

  template <class Condition>
  bool wait_until(Condition condition) {
    for (int i = 0; i < 600; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  std::string data() const { return (folder_ / "data").string(); }
  std::string log_text() const { return read_file(folder_ / "up.log").value(); }
  pid_t controller_pid() const {
    const auto lock = read_file(folder_ / "data" / "luthierd.lock");
    return lock ? static_cast<pid_t>(std::strtol(lock->c_str(), nullptr, 10)) : 0;
  }

  const std::string luthier_ = std::string(LUTHIER_BIN_DIR) + "/luthier";
  fs::path folder_;
  pid_t up_ = 0;
};

TEST_F(UpTest, RunsAreSubmittedLookedAtAndCancelled) {
  const std::string pipeline = (folder_ / "t.yaml").string();
  std::ofstream(pipeline) << "name: t\nsteps:\n  one: { uses: run, with: { command: echo hi } }\n";
  EXPECT_EQ(luthier({"check", pipeline}).status, 0);
  const Outcome submitted = luthier({"run", pipeline, "--detach"});
  EXPECT_EQ(submitted.status, 0) << submitted.output;
  EXPECT_NE(submitted.output.find("luthier status r-1"), std::string::npos) << submitted.output;
  EXPECT_NE(luthier({"runs"}).output.find("r-1"), std::string::npos);
  EXPECT_NE(luthier({"status", "r-1"}).output.find("waits for an agent"), std::string::npos);
  EXPECT_NE(luthier({"status", "r-1", "-o", "json"}).output.find("\"pipeline\": \"t\""), std::string::npos);
  EXPECT_NE(luthier({"cancel", "r-1"}).output.find("cancelled"), std::string::npos);
  EXPECT_EQ(luthier({"cancel", "r-1"}).status, 1);
  EXPECT_EQ(luthier({"logs", "-f", "r-1", "one"}).status, 0);
  EXPECT_EQ(luthier({"status", "r-7"}).status, 1);
  EXPECT_EQ(luthier({"chat", "nobody", "hello"}).status, 1);
}

TEST_F(UpTest, CtrlCDetachesAndSaysHowToComeBack) {
  const std::string pipeline = (folder_ / "t.yaml").string();
  std::ofstream(pipeline) << "name: t\nsteps:\n  one: { uses: run, with: { command: echo hi } }\n";
  const Outcome detached = luthier({"run", pipeline}, "waits for an agent");
  EXPECT_EQ(detached.status, 130) << detached.output;
  EXPECT_NE(detached.output.find("luthier status r-1"), std::string::npos) << detached.output;
  EXPECT_NE(luthier({"status", "r-1"}).output.find("running"), std::string::npos) << "the run goes on";
}

TEST_F(UpTest, ABadPipelineIsRefusedWithStatusTwoAndItsPlaces) {
  const std::string pipeline = (folder_ / "bad.yaml").string();
  std::ofstream(pipeline)
      << "name: t\nsteps:\n  one: { uses: rum }\n  two: { uses: prepare, with: { source: no.csv } }\n";
  for (const char* command : {"check", "plan", "run"}) {
    const Outcome refused = luthier({command, pipeline});
    EXPECT_EQ(refused.status, 2) << refused.output;
    EXPECT_NE(refused.output.find("bad.yaml:3:"), std::string::npos) << refused.output;
  }
  std::ofstream(pipeline) << "name: t\nsteps:\n  two: { uses: prepare, with: { source: no.csv } }\n";
  const Outcome missing = luthier({"run", pipeline});
  EXPECT_EQ(missing.status, 2);
  EXPECT_NE(missing.output.find("no.csv"), std::string::npos) << missing.output;
}

TEST_F(UpTest, ModelsAreImportedNamedAndCompared) {
  const fs::path model = folder_ / "Tiny Model";
  fs::create_directories(model);
  const Outcome incomplete = luthier({"models", "import", model.string()});
  EXPECT_EQ(incomplete.status, 2);
  EXPECT_NE(incomplete.output.find("config.json"), std::string::npos) << incomplete.output;
  std::ofstream(model / "config.json") << "{}";
  std::ofstream(model / "tokenizer.json") << "{}";
  std::ofstream(model / "weights.bin") << "not read";
  EXPECT_EQ(luthier({"models", "import", model.string()}).status, 2) << "it has no safetensors";
  std::ofstream(model / "model.safetensors") << "w";
  const Outcome imported = luthier({"models", "import", model.string()});
  EXPECT_EQ(imported.status, 0) << imported.output;
  EXPECT_NE(imported.output.find("tiny-model@1"), std::string::npos) << imported.output;
  std::ofstream(model / "model.safetensors") << "other w";
  EXPECT_NE(luthier({"models", "import", model.string(), "--name", "tiny-model"}).output.find("tiny-model@2"),
            std::string::npos);
  const Outcome unevaluated = luthier({"models", "alias", "tiny-model", "production", "2"});
  EXPECT_EQ(unevaluated.status, 1);
  EXPECT_NE(unevaluated.output.find("--force"), std::string::npos) << unevaluated.output;
  EXPECT_EQ(luthier({"models", "alias", "tiny-model", "production", "2", "--force"}).status, 0);
  EXPECT_EQ(luthier({"models", "alias", "tiny-model", "production", "3"}).status, 1);
  const Outcome list = luthier({"models"});
  EXPECT_NE(list.output.find("production"), std::string::npos) << list.output;
  EXPECT_NE(luthier({"models", "list", "tiny-model", "-o", "json"}).output.find("alias_history"), std::string::npos);
  EXPECT_EQ(luthier({"models", "compare", "tiny-model@1", "tiny-model"}).status, 0);
  EXPECT_EQ(luthier({"models", "compare", "tiny-model@1", "tiny-model@9"}).status, 1);
}

TEST_F(UpTest, AKilledControllerComesBackWhereItWas) {
  const std::string url = read_file(folder_ / "data" / "url").value();
  const pid_t first = controller_pid();
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(wait_until([&] { return controller_pid() != first && luthier({"runs"}).status == 0; })) << log_text();
  EXPECT_EQ(read_file(folder_ / "data" / "url").value(), url);
  EXPECT_NE(log_text().find("signal 9"), std::string::npos) << log_text();
}

TEST_F(UpTest, EndsInOrderAndASecondOneIsRefused) {
  const Outcome second = luthier({"up", "--http-port", "0", "--grpc-port", "0", "--agents", "0"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find("in use"), std::string::npos) << second.output;
  const pid_t controller = controller_pid();
  EXPECT_EQ(stop_up(SIGTERM), 0) << log_text();
  EXPECT_NE(::kill(controller, 0), 0) << "the controller is gone too";
  EXPECT_FALSE(fs::exists(folder_ / "data" / "url"));
  EXPECT_EQ(luthier({"runs"}).status, 3);
  start_up();
  EXPECT_EQ(luthier({"runs"}).status, 0) << "and it starts again on the same data";
}

}  // namespace
}  // namespace luthier::cli
