// The release that this agent is of; said in Hello.
#pragma once

namespace luthier::agents {
inline constexpr const char* kVersion = "0.1.0";
}  // namespace luthier::agents
