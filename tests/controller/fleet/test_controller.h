// TestController: the controller's real parts (SQLite store, runtime, core, artifacts, fleet) in a folder of its own,
// with time set by hand.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "controller/core/core.h"
#include "controller/fleet/fleet.h"
#include "tests/controller/fleet/test_agent.h"

namespace luthier::fleet {

// Thread-safe, set by hand.
class TestClock final : public Clock {
 public:
  Now now() const override { return {1'700'000'000'000 + elapsed_ms_, 1'000 + elapsed_ms_}; }
  void advance(milliseconds by) { elapsed_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> elapsed_ms_ = 0;
};

inline plan::Plan one_step_plan() {
  plan::Step step;
  step.id = StepId{"one"};
  step.name = "one";
  step.uses = "run";
  step.with = core::Json{{"command", "true"}};
  plan::Plan plan;
  plan.pipeline = "test";
  plan.steps.push_back(step);
  return plan;
}

class FleetTest : public testing::Test {
 protected:
  static constexpr milliseconds kSilence{600};
  static constexpr milliseconds kGrace{2'000};

  FleetTest() : folder_(std::filesystem::path(testing::TempDir()) / ("fleet_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    store_ = store::open_sqlite_store(folder_).value();
    artifacts_ = artifacts::open_local_artifacts(folder_ / "artifacts").value();
    EXPECT_TRUE(store_->add_join_token("token-of-the-tests", 100, clock_.now().wall_ms + 1'000'000));
    start_controller();
  }
  ~FleetTest() override {
    stop_controller();
    std::filesystem::remove_all(folder_);
  }

  void start_controller() {
    runtime_ = controller::make_runtime(*store_, clock_, log_);
    fleet_ = make_fleet_server({*runtime_, *store_, *artifacts_, inference_, progress_, clock_, log_},
                               {.agent_silence = kSilence, .start_grace = kGrace});
    runtime_->set_sinks({.send_to_agent = [this](const AgentId& agent,
                                                 const core::AgentCommand& command) { fleet_->send(agent, command); },
                         .welcome_agent =
                             [this](const AgentId& agent, std::uint64_t number) {
                               last_welcome_ = number;
                               if (!withholds_welcomes_) {
                                 fleet_->welcome(agent, number);
                               }
                             },
                         .published = nullptr});
    const Result<void> started = runtime_->start();
    EXPECT_TRUE(started);
    const Result<int> port = fleet_->start();
    EXPECT_TRUE(port);
    address_ = "127.0.0.1:" + std::to_string(port.value());
  }
  void stop_controller() {
    fleet_->stop();
    runtime_->stop();
    fleet_.reset();
    runtime_.reset();
  }

  [[nodiscard]] TestAgent joined_agent() {
    TestAgent agent(address_);
    EXPECT_TRUE(agent.join("token-of-the-tests").ok());
    return agent;
  }
  void submit() {
    std::promise<Result<core::Json>> answer;
    runtime_->call(
        [](core::RequestId request) {
          return core::Input(core::SubmitRun{request, one_step_plan(), "yaml", "file.yaml", "somebody"});
        },
        [&answer](Result<core::Json> result) { answer.set_value(std::move(result)); });
    EXPECT_TRUE(answer.get_future().get());
  }
  // Until everything posted so far is decided and committed.
  void settle() {
    std::promise<void> read;
    runtime_->query([&read](const core::State&, Now) { read.set_value(); });
    read.get_future().wait();
  }
  [[nodiscard]] std::string agent_status(const std::string& id) {
    const core::Json known = store_->list_agents().value();
    for (const core::Json& agent : known.at("agents")) {
      if (agent.value("id", "") == id) {
        return agent.value("status", "");
      }
    }
    return "unknown";
  }
  // For what a timer thread does: asks again until it is so, or patience ends.
  template <class Condition>
  [[nodiscard]] static bool eventually(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < end;) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  const AttemptId first_{RunId{"r-1"}, StepId{"one"}, 1};
  std::filesystem::path folder_;
  TestClock clock_;
  SystemClock log_clock_;
  Log log_{log_clock_, {.level = LogLevel::kError, .pretty = false, .fd = 2}};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<artifacts::ArtifactStore> artifacts_;
  controller::InferenceRouter inference_;
  controller::ProgressBoard progress_;
  std::unique_ptr<controller::Runtime> runtime_;
  std::unique_ptr<FleetServer> fleet_;
  std::string address_;
  std::atomic<bool> withholds_welcomes_ = false;  // the test says them itself
  std::atomic<std::uint64_t> last_welcome_ = 0;   // its connection
};

}  // namespace luthier::fleet
