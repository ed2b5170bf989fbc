// Made-up histories of the platform, by seed: events in an order that the machine could give them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "controller/core/event.h"

namespace luthier::store {

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {}
  // The events of one decision: one or a few.
  [[nodiscard]] std::vector<core::Event> next();

 private:
  struct Attempt {
    AttemptId id;
    bool started = false;
    bool ended = false;
  };

  core::Event submit_run();
  std::vector<core::Event> move_attempt();
  std::vector<core::Event> end_attempt(Attempt& attempt);
  std::vector<core::Event> change_models();
  core::Event change_agents();
  std::string text();

  Random random_;
  int runs_ = 0;
  int agents_ = 0;
  std::vector<Attempt> attempts_;  // not released yet
  std::map<std::string, int> model_versions_;
};

}  // namespace luthier::store
