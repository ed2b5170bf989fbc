// The address by which others reach this machine.
#pragma once

#include <string>

#include "base/result.h"

namespace luthier::agents {

// The local address (numeric) that packets to HOST:PORT leave from; sends none. kUnavailable when the name does not
// resolve or nothing routes there.
[[nodiscard]] Result<std::string> local_address_towards(const std::string& host_and_port);

}  // namespace luthier::agents
