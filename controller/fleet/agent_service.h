// AgentService: joining, and the control stream of each agent.
#pragma once

#include "controller/fleet/agent_table.h"
#include "controller/store/store.h"
#include "luthier/v1/agent.grpc.pb.h"

namespace luthier::fleet {

class AgentService final : public v1::AgentService::CallbackService {
 public:
  struct Context {
    AgentTable& table;
    controller::Runtime& runtime;
    store::Store& store;
    const Clock& clock;
    Log& log;
    milliseconds heartbeat_interval;
    milliseconds lease;  // silence after which an agent is lost
  };
  explicit AgentService(Context context) : context_(context) {}

  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* call, const v1::JoinRequest* request,
                                 v1::JoinResponse* response) override;
  grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>* Connect(grpc::CallbackServerContext* call) override;

 private:
  const Context context_;
};

}  // namespace luthier::fleet
