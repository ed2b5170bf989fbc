// ProgressBoard: the newest progress message of each running step, in memory only. Telemetry writes it, HTTP reads it.
// Thread-safe.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "controller/core/event.h"

namespace luthier::controller {

class ProgressBoard {
 public:
  static constexpr std::size_t kStepsMax = 10'000;  // beyond that the one updated longest ago is dropped

  // `progress` as in docs/worker-protocol.md. What an older attempt says than the one already here is ignored.
  void update(const AttemptId& attempt, core::Json progress);
  // What this attempt said last; nothing when it said nothing, or a newer one spoke.
  [[nodiscard]] std::optional<core::Json> newest(const AttemptId& attempt) const;

 private:
  using Key = std::pair<RunId, StepId>;
  struct Entry {
    Key key;
    std::int32_t number = 0;
    core::Json progress;
  };
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // newest update first
  std::map<Key, std::list<Entry>::iterator> by_step_;
};

}  // namespace luthier::controller
