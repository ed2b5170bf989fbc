// A real HTTP server over a real store, artifact folder and runtime; agents are played by the test through inputs, and
// inference by a hub that the test steers.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/digest/digest.h"
#include "controller/core/core.h"
#include "controller/http/server.h"
#include "tests/controller/http/raw_client.h"

namespace luthier::http {

using core::Json;

class FakeHub final : public controller::InferenceHub {
 public:
  struct Call {
    std::uint64_t id = 0;
    AgentId agent;
    AttemptId deployment;
    Json request;
    controller::GenerateCallbacks callbacks;
  };

  std::uint64_t generate(const AgentId& agent, const AttemptId& deployment, const Json& request,
                         controller::GenerateCallbacks callbacks) override {
    const std::lock_guard lock(mutex_);
    calls_.push_back({calls_.size() + 1, agent, deployment, request, std::move(callbacks)});
    changed_.notify_all();
    return calls_.size();
  }
  void cancel(std::uint64_t id) override {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
    changed_.notify_all();
  }

  // The call of this number (from 1), once it is there; its id is 0 when it does not come.
  Call wait_for_call(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return calls_.size() >= number; });
    return calls_.size() >= number ? calls_[number - 1] : Call{};
  }
  bool wait_for_cancel(std::uint64_t id) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return std::find(cancelled_.begin(), cancelled_.end(), id) != cancelled_.end(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> calls_;
  std::vector<std::uint64_t> cancelled_;
};

class ApiTest : public testing::Test {
 protected:
  static constexpr const char* kViewer = "viewer-key-0123456789";
  static constexpr const char* kDeveloper = "developer-key-0123456789";
  static constexpr const char* kAdmin = "admin-key-0123456789";

  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "luthier-http-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto store = store::open_sqlite_store(folder_.string());
    ASSERT_TRUE(store.has_value()) << store.error().message;
    store_ = std::move(*store);
    auto administration = store::Administration::open(folder_.string());
    ASSERT_TRUE(administration.has_value()) << administration.error().message;
    administration_ = std::move(*administration);
    auto artifacts = artifacts::open_local_artifacts(folder_ / "artifacts");
    ASSERT_TRUE(artifacts.has_value());
    artifacts_ = std::move(*artifacts);
    ASSERT_TRUE(store_->add_key(kViewer, {"vera", store::Scope::kViewer}).has_value());
    ASSERT_TRUE(store_->add_key(kDeveloper, {"dan", store::Scope::kDeveloper}).has_value());
    ASSERT_TRUE(store_->add_key(kAdmin, {"ada", store::Scope::kAdmin}).has_value());
    runtime_ = controller::make_runtime(*store_, clock_, log_);
  }

  void start(Options options = {}) {
    server_ = std::make_unique<HttpServer>(
        Context{.runtime = *runtime_,
                .store = *store_,
                .administration = *administration_,
                .metrics = metrics_,
                .artifacts = *artifacts_,
                .inference = hub_,
                .clock = clock_,
                .log = log_,
                .data = folder_,
                .progress = [this](const AttemptId& attempt) { return attempt.number == 1 ? progress_ : Json(); },
                .readiness = [this]() -> Result<void> {
                  return ready_ ? Result<void>() : Error{ErrorCode::kUnavailable, "still replaying"};
                }},
        options);
    runtime_->set_sinks({.send_to_agent = [](const AgentId&, const core::AgentCommand&) {},
                         .published = [this](const store::OutboxRow& row) { server_->published(row); }});
    ASSERT_TRUE(runtime_->start().has_value());
    ASSERT_TRUE(server_->start().has_value());
  }

  void TearDown() override {
    if (server_) {
      server_->stop();
    }
    runtime_->stop();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  static std::map<std::string, std::string> key(const std::string& text) {
    return {{"Authorization", "Bearer " + text}};
  }
  RawResponse get(const std::string& target) { return exchange(port(), "GET", target, "", key(kViewer)); }
  RawResponse post(const std::string& target, const Json& body, const char* secret = kDeveloper) {
    return exchange(port(), "POST", target, body.dump(), key(secret));
  }

  // Asks until `condition` holds of the run, or 20 s have passed.
  template <class Condition>
  Json wait_for_run(const std::string& run, Condition condition) {
    Json found;
    for (int i = 0; i < 400; ++i) {
      found = get("/api/v1/runs/" + run).json();
      if (condition(found)) {
        return found;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "this did not become true of " << found.dump(2);
    return found;
  }

  // --- what an agent would say ---
  void connect_agent(const std::string& id) {
    runtime_->post(
        core::AgentConnected{.agent = AgentId{id},
                             .name = id,
                             .boot_id = "boot-" + id,
                             .resources = {.cpus = 8, .memory_bytes = 1ULL << 34, .gpus = {}, .cpu_model = "x"}});
  }
  void start_attempt(const AttemptId& attempt, const std::string& agent) {
    runtime_->post(core::AttemptStartedReport{.attempt = attempt, .agent = AgentId{agent}, .pid = 1});
  }
  void finish_attempt(const AttemptId& attempt, const std::string& agent,
                      core::Outcome outcome = core::Outcome::kSucceeded) {
    runtime_->post(core::AttemptFinishedReport{.attempt = attempt, .agent = AgentId{agent}, .outcome = outcome});
    runtime_->post(core::AllocationReleasedReport{.attempt = attempt, .agent = AgentId{agent}});
  }
  void append_log(const AttemptId& attempt, std::uint64_t offset, const std::string& bytes, bool end) {
    ASSERT_TRUE(store_->append_log(attempt, offset, bytes, end).has_value());
  }

  std::string submit(const std::string& yaml) {
    const RawResponse response = post("/api/v1/runs", {{"yaml", yaml}, {"file", "test.yaml"}});
    EXPECT_EQ(response.status, 201) << response.body;
    return response.json().value("id", "");
  }

  std::string put_blob(const std::string& bytes) {
    const std::string digest = sha256_digest(bytes);
    EXPECT_EQ(exchange(port(), "PUT", "/api/v1/blobs/" + digest, bytes, key(kDeveloper)).status, 201);
    return digest;
  }
  std::string put_artifact(const std::string& kind, const std::string& path, const std::string& bytes) {
    const Json file = {{"path", path}, {"digest", put_blob(bytes)}, {"bytes", bytes.size()}};
    const RawResponse response = post("/api/v1/artifacts", {{"kind", kind}, {"files", Json::array({file})}});
    EXPECT_EQ(response.status, 201) << response.body;
    return response.json().value("artifact", "");
  }

  std::filesystem::path folder_;
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kDebug, .fd = nowhere_.get()}};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Administration> administration_;
  controller::Metrics metrics_;
  std::unique_ptr<artifacts::ArtifactStore> artifacts_;
  std::unique_ptr<controller::Runtime> runtime_;
  FakeHub hub_;
  Json progress_;
  std::atomic<bool> ready_ = true;
  std::unique_ptr<HttpServer> server_;
};

inline constexpr const char* kHello = "name: t\nsteps:\n  hello: { uses: run, with: { command: echo hello } }\n";

}  // namespace luthier::http
