// Between the wire's messages and the core's types. Protobuf stays on this side.
//
// What an agent repeats until it is acknowledged must never be refused for good, or it would be repeated for ever:
// a report with a broken detail (JSON that does not parse) is converted to the nearest report that can be committed,
// and only one whose attempt is not an attempt at all is an error.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "controller/core/effect.h"
#include "luthier/v1/agent.pb.h"

namespace luthier::fleet {

[[nodiscard]] v1::AttemptRef to_proto(const AttemptId& attempt);
// kInvalidArgument: an empty or over-long id, or a number below 1.
[[nodiscard]] Result<AttemptId> from_proto(const v1::AttemptRef& attempt);

[[nodiscard]] v1::AgentResources to_proto(const core::AgentResources& resources);
[[nodiscard]] core::AgentResources from_proto(const v1::AgentResources& resources);

[[nodiscard]] v1::ConnectResponse to_proto(const core::AgentCommand& command, std::uint64_t epoch);

// `agent` is who the credential says it is.
[[nodiscard]] Result<core::AgentConnected> from_proto(const v1::Hello& hello, const AgentId& agent);
// Every message but Hello and Heartbeat, for which it is kInvalidArgument.
[[nodiscard]] Result<core::Input> report_from_proto(const v1::ConnectRequest& message, const AgentId& agent);

}  // namespace luthier::fleet
