#include "controller/fleet/agent_watch.h"

namespace luthier::fleet {

namespace {

std::string seconds_text(milliseconds duration) {
  std::string text = std::to_string(duration.count() / 1000);
  if (const auto rest = duration.count() % 1000; rest != 0) {
    text += "." + std::to_string(1000 + rest).substr(1);
  }
  return text + " s";
}

}  // namespace

void AgentWatch::expect(const AgentId& agent, std::int64_t monotonic_ms) {
  deadlines_[agent] = {monotonic_ms + grace_.count(), true};
}

void AgentWatch::heard(const AgentId& agent, std::int64_t monotonic_ms) {
  deadlines_[agent] = {monotonic_ms + silence_.count(), false};
}

std::vector<AgentWatch::Silent> AgentWatch::take_silent(std::int64_t monotonic_ms) {
  // Somebody who looks long after the last look was away himself (stopped, or starved of the processor): what the
  // agents sent meanwhile has not been read yet, so their silence of that time proves nothing.
  if (const std::int64_t away_ms = monotonic_ms - last_look_ms_.value_or(monotonic_ms);
      away_ms > silence_.count() / 2) {
    for (auto& [agent, deadline] : deadlines_) {
      deadline.monotonic_ms += away_ms;
    }
  }
  last_look_ms_ = monotonic_ms;
  std::vector<Silent> silent;
  for (auto at = deadlines_.begin(); at != deadlines_.end();) {
    if (monotonic_ms < at->second.monotonic_ms) {
      ++at;
      continue;
    }
    silent.push_back({at->first, at->second.after_start ? "it did not come back within " + seconds_text(grace_) +
                                                              " after the controller's start"
                                                        : "nothing was heard from it for " + seconds_text(silence_)});
    at = deadlines_.erase(at);
  }
  return silent;
}

}  // namespace luthier::fleet
