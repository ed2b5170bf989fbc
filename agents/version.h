// The release that this agent is of; said in Hello.
#pragma once

#include "base/version.h"

namespace luthier::agents {
using luthier::kVersion;
}  // namespace luthier::agents
