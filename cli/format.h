// Text for people: tables, durations, numbers, bars. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::cli {

using Json = nlohmann::json;

// Columns padded to their widest cell, two blanks between them; a first row in capitals is a heading by convention.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

// "840 ms", "4.2 s", "42 s", "3 m 05 s", "2 h 07 m".
[[nodiscard]] std::string format_duration(std::int64_t duration_ms);
// "0:31", "12:05", "1:02:03".
[[nodiscard]] std::string format_clock(std::int64_t seconds);
// "12,345".
[[nodiscard]] std::string format_count(std::int64_t count);
// "1.5 GiB".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
// At most four significant digits: "0.9812", "12.3", "1,210".
[[nodiscard]] std::string format_number(double value);
// "[#####-----]"; `share` from 0 to 1.
[[nodiscard]] std::string format_bar(double share, int width);

// What an attempt used, as the API has it: "0.4 s CPU, 12 MiB, 1.5 s GPU (60 %), 4 GiB of GPU"; "" when nothing is
// known.
[[nodiscard]] std::string format_usage(const Json& usage);

// RFC 3339 in UTC ("2026-11-21T00:20:22.123Z") to Unix milliseconds; nothing when it is not that.
[[nodiscard]] std::optional<std::int64_t> parse_utc(const std::string& text);

// Control characters replaced, so that a name or a message cannot steer the terminal; newlines become blanks.
[[nodiscard]] std::string printable(std::string_view text);
// The columns that UTF-8 text takes, every character counted as one.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// Cut to `columns`, the last one an ellipsis when something is missing.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);

// Without blanks and line ends around it.
[[nodiscard]] std::string trimmed(const std::string& text);

// A member as text, "" when it is absent or null.
[[nodiscard]] std::string text_of(const Json& object, const std::string& name);
// The agents of an attempt of the API, by rank: "a-1", or "a-1, a-2" on two nodes.
[[nodiscard]] std::string agents_of(const Json& attempt);

}  // namespace luthier::cli
