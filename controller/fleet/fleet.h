// Fleet: the gRPC server that agents call. Control streams, blobs, telemetry and inference as separate services.
//
// Everything borrowed must outlive the server. The caller connects Runtime's sink send_to_agent to send().
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/artifacts/artifacts.h"
#include "controller/inference.h"
#include "controller/progress_board.h"
#include "controller/runtime.h"
#include "controller/store/store.h"

namespace luthier::fleet {

struct FleetOptions {
  std::string host = "127.0.0.1";
  int port = 0;                            // 0: any free one
  milliseconds heartbeat_interval{2'000};  // what agents are told; at most a fifth of agent_silence is
  milliseconds agent_silence{10'000};      // an agent heard of less recently is lost
  milliseconds start_grace{15'000};        // for agents known from before this controller's start
};

struct FleetContext {
  controller::Runtime& runtime;
  store::Store& store;
  artifacts::ArtifactStore& artifacts;
  controller::InferenceRouter& inference;
  controller::ProgressBoard& progress;
  const Clock& clock;
  Log& log;
};

class FleetServer {
 public:
  virtual ~FleetServer() = default;  // stops

  // Listens. Reads from the store which agents were connected before. Returns the port.
  [[nodiscard]] virtual Result<int> start() = 0;
  // For Runtime::Sinks::send_to_agent; never blocks. May be called before start().
  virtual void send(const AgentId& agent, const core::AgentCommand& command) = 0;
  // For Runtime::Sinks::welcome_agent; never blocks. May be called before start().
  virtual void welcome(const AgentId& agent, std::uint64_t connection) = 0;
  // Ends all streams and waits for them, at most about 3 s. Safe to call twice.
  virtual void stop() = 0;
};

// Writes gRPC's own messages to stderr as our log lines ("grpc", with its message), its errors only. For the
// whole process; for main() to call before anything uses gRPC.
void log_grpc_as_events();

[[nodiscard]] std::unique_ptr<FleetServer> make_fleet_server(FleetContext context, FleetOptions options);

}  // namespace luthier::fleet
