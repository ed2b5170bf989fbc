// AgentWatch: who has been silent for too long. Pure: time is an argument, no lock. One owner (AgentTable).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace luthier::fleet {

class AgentWatch {
 public:
  struct Silent {
    AgentId agent;
    std::string reason;  // one sentence for people
    friend bool operator==(const Silent&, const Silent&) = default;
  };

  AgentWatch(milliseconds silence, milliseconds grace) : silence_(silence), grace_(grace) {}

  // After a controller start: the agent was there before and has the grace period to come back.
  void expect(const AgentId& agent, std::int64_t monotonic_ms);
  // A message of the agent arrived. The end of a stream is not silence by itself: the agent may reconnect.
  void heard(const AgentId& agent, std::int64_t monotonic_ms);
  // Those whose time is up; each is named once and then forgotten until it is heard again. To be asked several times in
  // the period of silence: after a longer pause everybody is given the time of the pause.
  [[nodiscard]] std::vector<Silent> take_silent(std::int64_t monotonic_ms);

 private:
  struct Deadline {
    std::int64_t monotonic_ms = 0;
    bool after_start = false;  // never heard since this controller started
  };
  const milliseconds silence_;
  const milliseconds grace_;
  std::map<AgentId, Deadline> deadlines_;
  std::optional<std::int64_t> last_look_ms_;
};

}  // namespace luthier::fleet
