#include "base/log.h"

#include <unistd.h>

#include <array>
#include <cstdio>

namespace luthier {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

}  // namespace

std::string json_quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char character : text) {
    switch (character) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      default:
        if (static_cast<unsigned char>(character) < 0x20) {
          std::array<char, 8> escape{};
          std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(character));
          quoted += escape.data();
        } else {
          quoted += character;
        }
    }
  }
  return quoted + "\"";
}

void Log::write(LogLevel level, std::string_view event, Fields fields) {
  if (level < options_.level) {
    return;
  }
  const std::string time = format_utc(clock_.now().wall_ms);
  std::string line;
  if (options_.pretty) {
    line = time.substr(11, 12) + " " + std::string(level_name(level)) + " " + std::string(event);
    for (const auto& [key, value] : fields) {
      line += " " + std::string(key) + "=" + value;
    }
  } else {
    line =
        "{\"ts\":\"" + time + "\",\"level\":\"" + std::string(level_name(level)) + "\",\"event\":" + json_quote(event);
    for (const auto& [key, value] : fields) {
      line += "," + json_quote(key) + ":" + json_quote(value);
    }
    line += "}";
  }
  line += "\n";
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::write(options_.fd, line.data() + written, line.size() - written);
    if (count <= 0) {
      return;  // nowhere left to complain to
    }
    written += static_cast<std::size_t>(count);
  }
}

}  // namespace luthier
