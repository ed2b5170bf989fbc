// Log: one JSON line per event on stderr, or one line for people (--pretty).
//
//   log.info("step_started", {{"run", run.value}, {"attempt", "2"}});
//   {"ts":"2026-11-21T00:20:22.123Z","level":"info","event":"step_started","run":"r-1","attempt":"2"}
//
// Events have names and fields, never sentences built by hand. Never pass a secret. Only shells log; pure
// code returns effects. Thread-safe; a line is written with one write().
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace luthier {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

class Log {
 public:
  using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

  struct Options {
    LogLevel level = LogLevel::kInfo;  // events below it are dropped
    bool pretty = false;
    int fd = 2;  // borrowed
  };

  Log(const Clock& clock, Options options) : clock_(clock), options_(options) {}

  void debug(std::string_view event, Fields fields = {}) { write(LogLevel::kDebug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { write(LogLevel::kInfo, event, fields); }
  void warning(std::string_view event, Fields fields = {}) { write(LogLevel::kWarning, event, fields); }
  void error(std::string_view event, Fields fields = {}) { write(LogLevel::kError, event, fields); }

 private:
  void write(LogLevel level, std::string_view event, Fields fields);

  const Clock& clock_;
  const Options options_;
};

// `text` as a JSON string with its quotes; bytes that are not UTF-8 are kept as they are.
[[nodiscard]] std::string json_quote(std::string_view text);

}  // namespace luthier
