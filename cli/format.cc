#include "cli/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace luthier::cli {
namespace {

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

template <class... Values>
std::string print(const char* format, Values... values) {
  char text[96];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - columns_of(row[i]) + 2, ' ');
    }
    while (!line.empty() && line.back() == ' ') {
      line.pop_back();
    }
    text += line + "\n";
  }
  return text;
}

std::string format_duration(std::int64_t duration_ms) {
  const std::int64_t milliseconds = std::max<std::int64_t>(0, duration_ms);
  if (milliseconds < 1'000) {
    return print("%lld ms", static_cast<long long>(milliseconds));
  }
  const std::int64_t seconds = milliseconds / 1'000;
  if (seconds < 10) {
    return print("%.1f s", static_cast<double>(milliseconds) / 1'000.0);
  }
  if (seconds < 60) {
    return print("%lld s", static_cast<long long>(seconds));
  }
  if (seconds < 3'600) {
    return print("%lld m %02lld s", static_cast<long long>(seconds / 60), static_cast<long long>(seconds % 60));
  }
  return print("%lld h %02lld m", static_cast<long long>(seconds / 3'600),
               static_cast<long long>(seconds % 3'600 / 60));
}

std::string format_clock(std::int64_t seconds) {
  const long long whole = std::max<std::int64_t>(0, seconds);
  return whole < 3'600 ? print("%lld:%02lld", whole / 60, whole % 60)
                       : print("%lld:%02lld:%02lld", whole / 3'600, whole % 3'600 / 60, whole % 60);
}

std::string format_count(std::int64_t count) {
  std::string digits = std::to_string(count);
  const std::size_t first = count < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1'024 && unit + 1 < std::size(kUnits)) {
    value /= 1'024;
    ++unit;
  }
  return unit == 0 ? print("%llu B", static_cast<unsigned long long>(bytes)) : print("%.1f %s", value, kUnits[unit]);
}

std::string format_usage(const Json& usage) {
  const auto number = [&](const char* member) -> std::optional<double> {
    const Json value = usage.is_object() ? usage.value(member, Json()) : Json();
    return value.is_number() && value.get<double>() >= 0 ? std::optional(value.get<double>()) : std::nullopt;
  };
  std::vector<std::string> parts;
  if (const auto seconds = number("cpu_seconds")) {
    parts.push_back(format_number(*seconds) + " s CPU");
  }
  if (const auto bytes = number("peak_memory_bytes")) {
    parts.push_back(format_bytes(static_cast<std::uint64_t>(*bytes)));
  }
  const auto share = number("mean_gpu_utilization");
  if (const auto seconds = number("gpu_seconds"); seconds || share) {
    parts.push_back(format_number(seconds.value_or(0)) + " s GPU" +
                    (share ? " (" + std::to_string(std::llround(*share * 100)) + " %)" : ""));
  }
  if (const auto bytes = number("peak_gpu_memory_bytes")) {
    parts.push_back(format_bytes(static_cast<std::uint64_t>(*bytes)) + " of GPU");
  }
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

std::string format_number(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  if (std::abs(value) >= 1'000 && std::abs(value) < 1e15) {
    return format_count(static_cast<std::int64_t>(std::llround(value)));
  }
  return print("%.4g", value);
}

std::string format_bar(double share, int width) {
  const double bounded = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const auto done = static_cast<std::size_t>(std::lround(bounded * width));
  return "[" + std::string(done, '#') + std::string(static_cast<std::size_t>(width) - done, '-') + "]";
}

std::optional<std::int64_t> parse_utc(const std::string& text) {
  std::tm time{};
  int millisecond = 0;
  const int count = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &time.tm_year, &time.tm_mon,
                                &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec, &millisecond);
  if (count < 6) {
    return std::nullopt;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&time)) * 1'000 + millisecond;
}

std::string agents_of(const Json& attempt) {
  std::string text = text_of(attempt, "agent");
  for (const Json& rank : attempt.value("ranks", Json::array())) {
    text += ", " + text_of(rank, "agent");
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string clean;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '\n' || character == '\t') {
      clean += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      clean += '?';
    } else {
      clean += character;
    }
  }
  return clean;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !continues_character(byte); }));
}

std::string cut(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) {
    return std::string(text);
  }
  std::string kept;
  std::size_t count = 0;
  for (const char byte : text) {
    if (!continues_character(byte) && ++count >= columns) {
      break;
    }
    kept += byte;
  }
  return kept + "…";
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string text_of(const Json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end() || found->is_null()) {
    return {};
  }
  return printable(found->is_string() ? found->get<std::string>()
                                      : found->dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace luthier::cli
