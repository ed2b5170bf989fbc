// InferenceHub: routes generation requests to the agent that serves a model, and its tokens back.
//
// The HTTP side calls generate(); the fleet side attaches agents' streams. Thread-safe. Tokens never touch the state
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

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
  // `request` is the "generate" line of docs/worker-protocol.md without id. Returns an id for cancel().
  virtual std::uint64_t generate(const AgentId& agent, const AttemptId& deployment, const core::Json& request,
                                 GenerateCallbacks callbacks) = 0;
  virtual void cancel(std::uint64_t id) = 0;
};

}  // namespace luthier::controller
