// Session: who this agent is to its controller, and how calls are made.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <filesystem>
#include <memory>
#include <string>

#include "agents/run/cancel.h"
#include "base/result.h"

namespace luthier::agents {

struct Session {
  std::string controller;  // HOST:PORT
  std::string agent_id;
  std::string credential;  // secret
};

// A connection of its own: channels never share a socket, so that bytes on one do not delay another.
[[nodiscard]] std::shared_ptr<grpc::Channel> open_channel(const std::string& controller);

// Reads DATA/agent.json; without it, joins with the token in `join_token_file` and writes it (0600). Waits for the
// controller until `cancel`. kUnauthenticated when the controller refuses the token.
[[nodiscard]] Result<Session> join_or_load(const std::filesystem::path& data, const std::string& controller,
                                           const std::string& name, const std::filesystem::path& join_token_file,
                                           const Cancel& cancel);

// One call's context: carries the credential, ends at the deadline (0: none) and when `cancel` is set.
class Call {
 public:
  Call(const Session& session, milliseconds deadline, const Cancel& cancel);
  [[nodiscard]] grpc::ClientContext* context() { return context_.get(); }

 private:
  std::shared_ptr<grpc::ClientContext> context_;
  Cancel::OnSet on_cancel_;
};

[[nodiscard]] Error to_error(const grpc::Status& status);

}  // namespace luthier::agents
