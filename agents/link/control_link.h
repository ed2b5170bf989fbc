// ControlLink: the agent's control stream. Connects, says Hello, reconnects for ever (backoff with jitter, at most 2
// s, so that a controller that is back finds its agents at once).
//
// Three threads at most: one reads; one writes and sends the heartbeats, so that nothing delays them but the stream
// itself. Commands become inputs in the order in which they came; Connected and Disconnected frame them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
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
  std::map<std::string, std::string> labels;
};

class ControlLink {
 public:
  struct Events {
    std::function<std::vector<HeldAttempt>()> held;  // asks the strand; called on the link's thread
    std::function<void(Input)> input;                // as Runner::Post
  };
  ControlLink(Session session, HelloFacts facts, const Clock& clock, Log& log, Events events);
  ~ControlLink() { stop(); }

  void start();
  void stop();  // safe to call twice

  // Any thread. Says, now and in every later Hello, that this agent wants no new work. `deadline`: what then still runs
  // is to be moved; 0: never.
  void drain(milliseconds deadline);
  // Any thread. Dropped when not connected: the core repeats it after Connected.
  void send(const Report& report);

 private:
  using Stream = grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>;
  using Queue = Outbox<v1::ConnectRequest>;
  // When each heartbeat was sent that is not acknowledged yet; of one stream, between its two threads.
  struct Sent {
    std::mutex mutex;
    std::map<std::uint64_t, std::int64_t> at_ms;
  };
  void run();
  // One connection, from Hello to its end. Returns whether the controller welcomed us.
  bool connect_once();
  void write_all(Stream& stream, grpc::ClientContext& context, Queue& queue, const Cancel& welcomed,
                 const std::atomic<std::int64_t>& interval_ms, Sent& sent);
  [[nodiscard]] v1::ConnectRequest hello() const;
  void set_queue(std::shared_ptr<Queue> queue);
  // The controller heard what this agent sent then.
  void renew_lease(std::int64_t sent_ms, std::int64_t lease_ms);
  void note_sent(std::uint64_t sequence, Sent& sent) const;
  void take_acknowledged(std::uint64_t sequence, Sent& sent, std::int64_t lease_ms);
  void take(const v1::ConnectResponse& command, std::uint64_t epoch);
  // Whether the controller that welcomes us is none that another one has superseded.
  [[nodiscard]] bool accepts(std::uint64_t epoch);

  const Session session_;
  const HelloFacts facts_;
  const Clock& clock_;
  Log& log_;
  const Events events_;
  const std::unique_ptr<v1::AgentService::Stub> stub_;
  Cancel stopping_;
  std::uint64_t newest_epoch_ = 0;  // of any controller that this process was connected to; of the link's thread
  std::atomic<bool> draining_{false};
  std::mutex mutex_;              // guards queue_
  std::shared_ptr<Queue> queue_;  // of the stream that is open
  std::thread thread_;
};

}  // namespace luthier::agents
