// Gzip in memory, for snapshots and archived segments; what it writes `zcat` reads.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::store {

[[nodiscard]] Result<std::string> gzip(std::string_view bytes);
// kDataLoss when `bytes` is not one whole gzip stream; kResourceExhausted when it holds more than `bytes_max`.
[[nodiscard]] Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max);

}  // namespace luthier::store
