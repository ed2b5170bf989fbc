// The wire between the two machines, as values: what fleet and link do with protobuf.
#pragma once

#include "agents/core/core.h"
#include "controller/core/core.h"

namespace luthier::simulation {

[[nodiscard]] core::Input to_controller(const agents::Report& report, const AgentId& from);
[[nodiscard]] agents::Input to_agent(const core::AgentCommand& command);
[[nodiscard]] std::vector<core::HeldAttempt> to_controller(const std::vector<agents::HeldAttempt>& held);

}  // namespace luthier::simulation
