// InferenceHub: routes generation requests to the agent that serves a model, and its tokens back.
//
// The HTTP side calls generate(); the fleet side attaches agents' streams. Thread-safe. Tokens never touch the state
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "controller/core/event.h"

namespace luthier::controller {

// Called on the stream's thread, in order; `on_done` or `on_error` exactly once, last. Must not block.
struct GenerateCallbacks {
  std::function<void(std::string text)> on_token;
  std::function<void(std::string finish_reason, std::int64_t prompt_tokens, std::int64_t completion_tokens)> on_done;
  std::function<void(Error error)> on_error;
};

class InferenceHub {
 public:
  virtual ~InferenceHub() = default;
  // `request` is the "generate" line of docs/worker-protocol.md without id. Returns an id for cancel(). When the agent
  // has no stream (kUnavailable) or too many requests wait for it (kResourceExhausted), `on_error` is called before
  // this returns.
  virtual std::uint64_t generate(const AgentId& agent, const AttemptId& deployment, const core::Json& request,
                                 GenerateCallbacks callbacks) = 0;
  // The request still ends by exactly one of `on_done` ("cancelled") and `on_error`. Unknown ids are ignored.
  virtual void cancel(std::uint64_t id) = 0;
};

// One agent's stream as the hub sees it; fleet implements it. Must not block, nor call the router back.
class InferenceLink {
 public:
  virtual ~InferenceLink() = default;
  virtual void send_generate(std::uint64_t id, const AttemptId& deployment, const std::string& request_json) = 0;
  virtual void send_cancel(std::uint64_t id) = 0;
  // The stream ends soon; detach() follows.
  virtual void end() = 0;
};

// The hub itself: per agent one link, at most `credits` unfinished requests on it and a bounded queue behind them.
// When a link dies, every request on it and behind it ends with kUnavailable.
class InferenceRouter final : public InferenceHub {
 public:
  static constexpr std::size_t kWaitingMax = 1024;  // per agent

  std::uint64_t generate(const AgentId& agent, const AttemptId& deployment, const core::Json& request,
                         GenerateCallbacks callbacks) override;
  void cancel(std::uint64_t id) override;

  // A newer link replaces an older one, whose requests end with kUnavailable.
  void attach(const AgentId& agent, std::shared_ptr<InferenceLink> link, int credits);
  // Asks every link to end: the controller stops.
  void end_all();
  // Ignored when `link` is not the agent's present one.
  void detach(const AgentId& agent, const InferenceLink* link);

  // What the agent's link brings. Ignored unless the request is on this very link: it may have been cancelled or
  // replaced meanwhile, and no agent may answer for another.
  void token(const AgentId& agent, const InferenceLink* link, std::uint64_t id, std::string text);
  void done(const AgentId& agent, const InferenceLink* link, std::uint64_t id, std::string finish_reason,
            std::int64_t prompt_tokens, std::int64_t completion_tokens);
  void failed(const AgentId& agent, const InferenceLink* link, std::uint64_t id, Error error);

 private:
  // Shared, so that a callback may run while the request is being forgotten by another thread.
  using Callbacks = std::shared_ptr<GenerateCallbacks>;
  struct Waiting {
    std::uint64_t id = 0;
    AttemptId deployment;
    std::string request_json;
    Callbacks callbacks;
  };
  struct Agent {
    std::shared_ptr<InferenceLink> link;
    std::size_t credits = 1;
    std::map<std::uint64_t, Callbacks> running;
    std::deque<Waiting> waiting;
  };

  void send_waiting(Agent& agent);
  // Removes the request from what runs on this link; null when it is not there.
  Callbacks take(const AgentId& agent, const InferenceLink* link, std::uint64_t id);
  static std::vector<Callbacks> take_all(Agent& agent);

  std::mutex mutex_;  // guards all below; callbacks are called without it
  std::uint64_t next_id_ = 1;
  std::map<AgentId, Agent> agents_;
};

}  // namespace luthier::controller
