// Durations ("90s", "10m", "1h30m"), ranges of them ("10s..10m") and byte sizes ("24GiB") as text. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace luthier::spec {

// Units ms, s, m, h, d, greatest first, each once: "1h30m". At least 1 ms, at most 365 days.
[[nodiscard]] Result<milliseconds> parse_duration(std::string_view text);

// "10s..10m"; the first must not be longer than the second.
[[nodiscard]] Result<std::pair<milliseconds, milliseconds>> parse_backoff(std::string_view text);

// A number and one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB: "24GiB", "1.5GB". At most 2^60 bytes.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

// Text that parse_duration reads back: "1h30m".
[[nodiscard]] std::string format_duration(milliseconds duration);

}  // namespace luthier::spec
