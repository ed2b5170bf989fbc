#include "base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace luthier {

Now SystemClock::now() const {
  using std::chrono::duration_cast;
  return Now{
      duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(),
      duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(),
  };
}

std::string format_utc(std::int64_t wall_ms) {
  std::int64_t milliseconds_part = wall_ms % 1000;
  std::int64_t seconds_part = wall_ms / 1000;
  if (milliseconds_part < 0) {
    milliseconds_part += 1000;
    seconds_part -= 1;
  }
  const std::time_t seconds = seconds_part;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(milliseconds_part));
  return text.data();
}

}  // namespace luthier
