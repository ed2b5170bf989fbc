#include "pipelines/spec/duration.h"

#include <array>
#include <charconv>

namespace luthier::spec {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::array<Unit, 5> kDurationUnits{{{"d", kDayMs}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 9> kByteUnits{{{"B", 1},
                                          {"KB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000},
                                          {"TB", 1'000'000'000'000},
                                          {"KiB", 1LL << 10},
                                          {"MiB", 1LL << 20},
                                          {"GiB", 1LL << 30},
                                          {"TiB", 1LL << 40}}};
constexpr std::int64_t kDurationMsMax = 365 * kDayMs;
constexpr double kBytesMax = static_cast<double>(1ULL << 60);

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

Error not_a_duration(std::string_view text) {
  return invalid("'" + std::string(text.substr(0, 40)) + "' is not a duration; write one like 90s, 10m or 1h30m");
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  std::int64_t total_ms = 0;
  std::size_t next_unit = 0;  // greatest first, each once
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc{} || count < 0 || count > kDurationMsMax) {
      return not_a_duration(text);
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t letters = 0;
    while (letters < rest.size() && is_letter(rest[letters])) {
      ++letters;
    }
    std::size_t unit = next_unit;
    while (unit < kDurationUnits.size() && kDurationUnits[unit].name != rest.substr(0, letters)) {
      ++unit;
    }
    if (unit == kDurationUnits.size()) {
      return not_a_duration(text);
    }
    // count and the unit's size are each bounded, so the product cannot overflow.
    if (count > kDurationMsMax / kDurationUnits[unit].size) {
      return invalid("'" + std::string(text.substr(0, 40)) + "' is longer than 365 days");
    }
    total_ms += count * kDurationUnits[unit].size;
    next_unit = unit + 1;
    rest.remove_prefix(letters);
  }
  if (next_unit == 0) {
    return not_a_duration(text);
  }
  if (total_ms < 1 || total_ms > kDurationMsMax) {
    return invalid("'" + std::string(text.substr(0, 40)) + "' must be from 1ms to 365d");
  }
  return milliseconds{total_ms};
}

Result<std::pair<milliseconds, milliseconds>> parse_backoff(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    return invalid("'" + std::string(text.substr(0, 40)) + "' is not a range of durations; write one like 10s..10m");
  }
  LUTHIER_TRY(const milliseconds least, parse_duration(text.substr(0, dots)));
  LUTHIER_TRY(const milliseconds greatest, parse_duration(text.substr(dots + 2)));
  if (least > greatest) {
    return invalid("the first duration of a backoff is the shorter one; write " + format_duration(greatest) + ".." +
                   format_duration(least));
  }
  return std::pair{least, greatest};
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& known : kByteUnits) {
    if (error == std::errc{} && unit == known.name && count >= 0) {
      const double bytes = count * static_cast<double>(known.size);
      if (bytes > kBytesMax) {
        return invalid("'" + std::string(text.substr(0, 40)) + "' is more than 2^60 bytes");
      }
      return static_cast<std::uint64_t>(bytes);
    }
  }
  return invalid("'" + std::string(text.substr(0, 40)) + "' is not a size; write one like 512MiB or 24GiB");
}

std::string format_duration(milliseconds duration) {
  std::int64_t rest = duration.count();
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (rest >= unit.size) {
      text += std::to_string(rest / unit.size) + std::string(unit.name);
      rest %= unit.size;
    }
  }
  return text.empty() ? "0ms" : text;
}

}  // namespace luthier::spec
