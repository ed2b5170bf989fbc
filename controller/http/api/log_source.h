// LogSource: the log of a step as one stream, all its attempts in order (or one of them), followed to the end if asked.
//
// It ends when the step is over and its last log is complete, or after `settle` without news when no more can come.
// Where an attempt was lost with its machine before its log was complete, one line of ours marks the gap:
//   [luthier: the rest of attempt 1's log was lost with agent a-1]
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {

class LogSource final : public BodySource {
 public:
  struct Wanted {
    std::string run;
    std::string step;
    std::optional<std::int32_t> attempt;  // absent: all
    std::int32_t rank = 0;                // of attempts on several nodes
    std::uint64_t skip_bytes = 0;         // of what would be sent
    bool follow = false;
  };
  LogSource(Services& services, Wanted wanted);

  [[nodiscard]] Piece pull() override;

 private:
  // What read_some() found out about the attempt at hand.
  enum class Progress { kBytes, kNextAttempt, kWait, kEnd, kBroken };

  [[nodiscard]] Progress read_some(std::string& bytes);
  [[nodiscard]] Progress at_log_end(const Json& step, const Json* attempt, bool complete, std::string& bytes);
  [[nodiscard]] Progress unfinished_log(const Json& attempt, std::string& bytes);
  [[nodiscard]] bool agent_is_lost(const std::string& agent) const;
  [[nodiscard]] bool settled();
  void drop_skipped(std::string& bytes);

  Services& services_;
  const Wanted wanted_;
  std::int32_t number_;
  std::uint64_t offset_ = 0;
  std::uint64_t skip_bytes_;
  std::optional<std::int64_t> silent_since_ms_;
};

}  // namespace luthier::http::api
