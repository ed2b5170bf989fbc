// TokenId: a token's number in its vocabulary, from 0.
#pragma once

#include <cstdint>

namespace luthier::text {

using TokenId = std::int32_t;

}  // namespace luthier::text
