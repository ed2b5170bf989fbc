// One unary call of an agent: authenticate, work in the pool, finish.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "controller/fleet/rpc.h"
#include "controller/fleet/task_pool.h"

namespace luthier::fleet {

[[nodiscard]] inline grpc::Status busy_status() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the controller is busy; try again in a moment"};
}

// `work` is a function () -> Result<void>; gRPC keeps request and response alive until the call is finished.
template <class Work>
grpc::ServerUnaryReactor* unary(grpc::CallbackServerContext& call, store::Store& store, TaskPool& pool, Work work) {
  grpc::ServerUnaryReactor* reactor = call.DefaultReactor();
  if (const Result<AgentId> agent = authenticate_agent(call, store); !agent) {
    reactor->Finish(to_status(agent.error()));
    return reactor;
  }
  const bool posted = pool.post([reactor, work = std::move(work)] {
    const Result<void> done = work();
    reactor->Finish(done ? grpc::Status::OK : to_status(done.error()));
  });
  if (!posted) {
    reactor->Finish(busy_status());
  }
  return reactor;
}

}  // namespace luthier::fleet
