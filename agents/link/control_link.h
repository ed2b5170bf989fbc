// ControlLink: the agent's control stream. Connects, says Hello, reconnects for ever (backoff with jitter, at most 5
// s).
//
// Three threads at most: one reads; one writes and sends the heartbeats, so that nothing delays them but the stream
// itself. Commands become inputs in the order in which they came; Connected and Disconnected frame them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agents/core/core.h"
#include "agents/device/devices.h"
#include "agents/link/outbox.h"
#include "agents/link/session.h"
#include "base/log.h"
#include "luthier/v1/agent.grpc.pb.h"

namespace luthier::agents {

struct HelloFacts {
  std::string name;
  std::string version;
  std::string boot_id;
  Devices devices;
};

class ControlLink {
 public:
  struct Events {
    std::function<std::vector<HeldAttempt>()> held;  // asks the strand; called on the link's thread
    std::function<void(Input)> input;                // as Runner::Post
  };
  ControlLink(Session session, HelloFacts facts, Log& log, Events events);
  ~ControlLink() { stop(); }

  void start();
  void stop();  // safe to call twice

  // Any thread. Dropped when not connected: the core repeats it after Connected.
  void send(const Report& report);

 private:
  using Stream = grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>;
  using Queue = Outbox<v1::ConnectRequest>;
  void run();
  // One connection, from Hello to its end. Returns whether the controller welcomed us.
  bool connect_once();
  void write_all(Stream& stream, grpc::ClientContext& context, Queue& queue, const Cancel& welcomed,
                 const std::atomic<std::int64_t>& interval_ms);
  [[nodiscard]] v1::ConnectRequest hello() const;
  void set_queue(std::shared_ptr<Queue> queue);
  void take(const v1::ConnectResponse& command, std::uint64_t epoch);

  const Session session_;
  const HelloFacts facts_;
  Log& log_;
  const Events events_;
  const std::unique_ptr<v1::AgentService::Stub> stub_;
  Cancel stopping_;
  std::mutex mutex_;              // guards queue_
  std::shared_ptr<Queue> queue_;  // of the stream that is open
  std::thread thread_;
};

}  // namespace luthier::agents
