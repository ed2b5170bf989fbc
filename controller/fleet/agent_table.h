// AgentTable: which agent is reachable over which stream, and who has fallen silent. Between gRPC's threads (streams
// come, speak and go), the state thread (commands) and the fleet's timer (silence).
//
// Thread-safe. One stream per agent: a newer one replaces an older one, whatever that one still says is dropped (the
// agent repeats it). Inputs of one agent reach the runtime in the order in which they were decided here.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/log.h"
#include "controller/fleet/agent_watch.h"
#include "controller/fleet/bidi_stream.h"
#include "controller/runtime.h"
#include "luthier/v1/agent.pb.h"

namespace luthier::fleet {

using AgentStreamBase = BidiStream<v1::ConnectRequest, v1::ConnectResponse>;

class AgentTable {
 public:
  AgentTable(controller::Runtime& runtime, const Clock& clock, Log& log, milliseconds silence, milliseconds grace)
      : runtime_(runtime), clock_(clock), log_(log), watch_(silence, grace) {}

  // Known from before this controller's start.
  void expect(const AgentId& agent);
  // A stream said Hello. `welcome` is sent on it once it is the agent's present stream, before any command. False when
  // the runtime's queue is full: the stream should end, the agent tries again.
  [[nodiscard]] bool connect(std::shared_ptr<AgentStreamBase> stream, core::AgentConnected hello,
                             v1::ConnectResponse welcome);
  // Whether it counts: from now on the agent may be silent for the whole limit before it is lost.
  [[nodiscard]] bool heartbeat(const AgentId& agent, const AgentStreamBase* stream);
  // False as above. True, and dropped, when the stream has been replaced.
  [[nodiscard]] bool report(const AgentId& agent, const AgentStreamBase* stream, core::Input input);
  void disconnect(const AgentId& agent, const AgentStreamBase* stream);

  // The Hello of `connection` is decided upon and committed: commands may go over it, if it is still the present one.
  void welcome(const AgentId& agent, std::uint64_t connection);
  // Dropped when the agent is not connected, or not welcomed yet: it is told anew when its Hello is decided upon.
  void send(const AgentId& agent, const core::AgentCommand& command);
  // Declares the silent silent, and ends their streams so that they say Hello again if they still live.
  void check_silence();
  void close_all(const grpc::Status& status);

 private:
  struct Connection {
    std::shared_ptr<AgentStreamBase> stream;
    std::uint64_t number = 0;  // core::AgentConnected::connection
    bool welcomed = false;
  };
  // Whether it is the agent's present stream. With the mutex held.
  [[nodiscard]] bool is_present(const AgentId& agent, const AgentStreamBase* stream) const;

  controller::Runtime& runtime_;
  const Clock& clock_;
  Log& log_;
  std::mutex mutex_;  // guards all below
  AgentWatch watch_;
  std::map<AgentId, Connection> connections_;
  std::uint64_t last_number_ = 0;
};

}  // namespace luthier::fleet
