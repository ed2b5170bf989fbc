// Between agents/core's values and the wire's messages.
#pragma once

#include <optional>
#include <vector>

#include "agents/core/core.h"
#include "agents/device/devices.h"
#include "luthier/v1/agent.pb.h"

namespace luthier::agents {

[[nodiscard]] v1::AttemptRef to_proto(const AttemptId& attempt);
[[nodiscard]] AttemptId from_proto(const v1::AttemptRef& attempt);
[[nodiscard]] v1::ConnectRequest to_proto(const Report& report);
[[nodiscard]] v1::AgentResources to_proto(const Devices& devices);
[[nodiscard]] v1::HeldAttempt to_proto(const HeldAttempt& held);

// The input that a command of the controller is; kInvalidArgument when it makes no sense to this agent.
[[nodiscard]] Result<Input> from_proto(const v1::ConnectResponse& command);

}  // namespace luthier::agents
