// TelemetrySink: told which attempts have a spool and when it grows. agents/link implements it by sending the spool's
// log and metrics to the controller; it reads the files itself, so that nothing piles up in memory. Thread-safe; calls
// return at once.
#pragma once

#include <filesystem>

#include "agents/core/input.h"

namespace luthier::agents {

class TelemetrySink {
 public:
  virtual ~TelemetrySink() = default;
  virtual void follow(const AttemptId& attempt, const std::filesystem::path& attempt_folder) = 0;
  virtual void spool_grew(const AttemptId& attempt) = 0;
  virtual void progress(const AttemptId& attempt, const Json& newest) = 0;
  // The spool will not grow any more: send what is left and answer TelemetryFlushed.
  virtual void flush(const AttemptId& attempt) = 0;
  virtual void forget(const AttemptId& attempt) = 0;
};

}  // namespace luthier::agents
