// Telemetry: what agents send beside the machine, as the controller's store keeps it (controller/store/store.h), and
// invariant 8 over it: what is read back is what the process wrote; nothing of a superseded attempt is taken.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "controller/core/core.h"

namespace luthier::simulation {

class World;

class Telemetry {
 public:
  explicit Telemetry(World& world) : world_(world) {}

  // A process wrote this to its output: the truth.
  void wrote(const AttemptId& attempt, const std::string& bytes) { written_[attempt] += bytes; }

  // --- the controller's side ---
  struct Appended {
    bool refused = false;
    std::uint64_t next_offset = 0;
  };
  Appended append_log(const AttemptId& attempt, std::uint64_t offset, const std::string& bytes, bool end);
  // False: refused.
  bool append_metric(const AttemptId& attempt, std::int64_t global_step);
  void on_event(const core::Event& event);  // of the journal

 private:
  struct Log {
    std::string bytes;
    bool complete = false;
  };
  using Key = std::pair<RunId, StepId>;
  [[nodiscard]] bool is_newest(const AttemptId& attempt) const;
  void check_log(const AttemptId& attempt, const Log& log);

  World& world_;
  std::map<AttemptId, std::string> written_;
  std::map<AttemptId, Log> logs_;
  std::map<std::pair<Key, std::int64_t>, AttemptId> metrics_;
  std::map<Key, std::int32_t> newest_;
};

}  // namespace luthier::simulation
