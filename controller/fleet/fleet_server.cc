#include <grpc/support/log.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "controller/fleet/agent_service.h"
#include "controller/fleet/agent_table.h"
#include "controller/fleet/blob_service.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/inference_service.h"
#include "controller/fleet/telemetry_service.h"

namespace luthier::fleet {

namespace {

constexpr std::size_t kPoolThreads = 4;
constexpr int kMessageBytesMax = 32 * 1024 * 1024;  // a manifest of 100,000 files fits
constexpr int kHeartbeatsPerSilence = 5;            // a lost or late one must not look like a lost agent
constexpr int kKeepaliveIntervalMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

class Server final : public FleetServer {
 public:
  Server(FleetContext context, FleetOptions options)
      : context_(context),
        options_(std::move(options)),
        table_(context.runtime, context.clock, context.log, options_.agent_silence, options_.start_grace),
        agents_({table_, context.runtime, context.store, context.clock, context.log,
                 std::min(options_.heartbeat_interval, options_.agent_silence / kHeartbeatsPerSilence),
                 options_.agent_silence}),
        blobs_(context.artifacts, context.store, pool_),
        telemetry_(context.runtime, context.store, context.progress, pool_),
        inference_(context.inference, context.store, context.log) {}

  ~Server() override { stop(); }

  Result<int> start() override {
    LUTHIER_TRY_VOID(expect_known_agents());
    int port = 0;
    grpc::ServerBuilder builder;
    const std::string address = options_.host + ":" + std::to_string(options_.port);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    // Without this two controllers could share a port, each seeing half of the agents.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveIntervalMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
    builder.SetMaxReceiveMessageSize(kMessageBytesMax);
    builder.RegisterService(&agents_);
    builder.RegisterService(&blobs_);
    builder.RegisterService(&telemetry_);
    builder.RegisterService(&inference_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) {
      server_.reset();
      return Error{ErrorCode::kUnavailable, "cannot listen for agents on " + address +
                                                ": the address is in use or not of this machine; choose another "
                                                "with --grpc-port (0 takes any free one)"};
    }
    timer_ = std::thread([this] { watch(); });
    return port;
  }

  void send(const AgentId& agent, const core::AgentCommand& command) override { table_.send(agent, command); }
  void welcome(const AgentId& agent, std::uint64_t connection) override { table_.welcome(agent, connection); }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (timer_.joinable()) {
      timer_.join();
    }
    if (server_) {
      table_.close_all({grpc::StatusCode::UNAVAILABLE, "the controller is stopping"});
      context_.inference.end_all();
      server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
      server_->Wait();
      server_.reset();
    }
  }

 private:
  Result<void> expect_known_agents() {
    LUTHIER_TRY(const core::Json known, context_.store.list_agents());
    for (const core::Json& agent : known.at("agents")) {
      if (agent.value("status", "") == "connected") {
        table_.expect(AgentId{agent.value("id", "")});
      }
    }
    return {};
  }

  void watch() {
    // A tenth of the limit is as exact as "silent for about 10 s" needs to be.
    const auto period = std::clamp(options_.agent_silence / 10, milliseconds(20), milliseconds(1'000));
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, period, [this] { return stopping_; })) {
      lock.unlock();
      table_.check_silence();
      lock.lock();
    }
  }

  // In the order of need: the services use the pool and the table, gRPC's threads use the services.
  const FleetContext context_;
  const FleetOptions options_;
  TaskPool pool_{kPoolThreads};
  AgentTable table_;
  AgentService agents_;
  BlobService blobs_;
  TelemetryService telemetry_;
  InferenceService inference_;
  std::unique_ptr<grpc::Server> server_;

  std::mutex mutex_;  // guards stopping_
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread timer_;
};

}  // namespace

void log_grpc_as_events() {
  // A plain function: gRPC's hook carries no context.
  gpr_set_log_function([](gpr_log_func_args* args) {
    if (args->severity == GPR_LOG_SEVERITY_ERROR) {
      const SystemClock clock;
      Log(clock, {}).warning("grpc", {{"message", args->message}});
    }
  });
}

std::unique_ptr<FleetServer> make_fleet_server(FleetContext context, FleetOptions options) {
  return std::make_unique<Server>(context, std::move(options));
}

}  // namespace luthier::fleet
