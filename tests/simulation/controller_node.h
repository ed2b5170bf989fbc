// ControllerNode: the machine under test in a shell that can die between commit and effects. Its disk is the journal
// and a snapshot; everything else is lost in a crash and comes back by replay.
#pragma once

#include <optional>
#include <vector>

#include "controller/core/core.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {

class ControllerNode {
 public:
  explicit ControllerNode(World& world) : world_(world) {}

  void start();  // loads the newest snapshot and replays the journal from there
  void crash(const std::string& when);
  void feed(const core::Input& input);
  // Called every second: AgentSilent for agents not heard of for too long; every wait must have a reason.
  void watch();

  [[nodiscard]] bool up() const { return live_.has_value(); }
  [[nodiscard]] const core::State& state() const { return *live_; }
  [[nodiscard]] Now now() const { return {world_.clock.now_ms() + wall_offset_ms_, world_.clock.now_ms()}; }

 private:
  struct Record {
    Now now;
    std::string name;
    core::Json body;
  };
  // The state as a file would hold it, and the records that it contains.
  struct Snapshot {
    std::size_t records = 0;
    std::string text;
  };
  void commit(const core::Event& event, Now at);
  void take_snapshot();
  bool load_snapshot();  // into live_; false: a violation
  void perform(const core::Effect& effect);
  void check_outputs(const core::Event& event);
  void count(const core::Event& event);
  [[nodiscard]] core::Input mutate(const core::Input& input) const;

  World& world_;
  std::optional<core::State> live_;
  core::State replayed_;  // the journal so far, event by event, as read back from JSON
  std::vector<Record> journal_;
  std::optional<Snapshot> snapshot_;
  std::uint64_t epoch_ = 0;
  std::int64_t wall_offset_ms_ = 1'700'000'000'000;
  std::uint64_t commits_ = 0;
  std::optional<AttemptId> last_success_;  // its StepSucceeded comes next
};

}  // namespace luthier::simulation
