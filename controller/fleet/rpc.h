// What every service of the fleet shares: who calls, and how our errors look on the wire.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "base/ids.h"
#include "base/result.h"
#include "controller/store/store.h"

namespace luthier::fleet {

// One total switch from our codes to gRPC's.
[[nodiscard]] grpc::Status to_status(const Error& error);

// The agent whose credential the call carries as metadata "authorization: Bearer CREDENTIAL". kUnauthenticated when
// there is none or it is unknown, kPermissionDenied when it is a key of a person.
[[nodiscard]] Result<AgentId> authenticate_agent(const grpc::CallbackServerContext& context, store::Store& store);

}  // namespace luthier::fleet
