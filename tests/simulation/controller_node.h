// ControllerNode: the machine under test in a shell like controller/runtime: inputs that arrive during a commit wait
// and share the next one; effects follow their commit. It can die at any point between. Its disk is the journal, in
// transactions; everything else is lost in a crash and comes back by replay or from a snapshot.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "controller/core/core.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {

class ControllerNode {
 public:
  explicit ControllerNode(World& world) : world_(world) {}

  void start();  // replays the journal
  void crash(const std::string& when);
  void crash_in_a_row(int times) { crashes_to_come_ = times; }  // soon after each of its next starts
  void feed(const core::Input& input);
  // Called every second: AgentSilent for agents not heard of for too long; timers, as wall time may have jumped.
  void watch();

  // A clock that was set back is corrected: until then an approval's deadline is as much later.
  void correct_wall_clock() { jump_wall_clock(wall_offset_max_ms_ - wall_offset_ms_); }
  void jump_wall_clock(std::int64_t by_ms) {
    wall_offset_ms_ += by_ms;
    wall_offset_max_ms_ = std::max(wall_offset_max_ms_, wall_offset_ms_);
    clock_jumped_ = true;
  }
  void slow_disk_until(std::int64_t time_ms) { slow_until_ms_ = time_ms; }
  void full_disk_until(std::int64_t time_ms) { full_until_ms_ = time_ms; }

  [[nodiscard]] bool up() const { return live_.has_value(); }
  // All that was said to it is decided and committed.
  [[nodiscard]] bool is_settled() const { return up() && !committing_ && queue_.empty(); }
  [[nodiscard]] const core::State& state() const { return *live_; }
  [[nodiscard]] Now now() const { return {world_.clock.now_ms() + wall_offset_ms_, world_.clock.now_ms()}; }

 private:
  struct Record {
    Now now;
    std::string name;
    core::Json body;
    std::size_t more = 0;  // records that follow in its transaction
  };
  using Transaction = std::vector<std::pair<core::Event, Now>>;

  void process();
  void step_into(const core::Input& input);
  void finish();  // commits what step_into() gathered, and performs its effects
  void commit(const Transaction& transaction, std::size_t count);
  void append(const core::Event& event, Now at, std::size_t more);
  void perform_all(const std::vector<core::Effect>& effects);
  void perform(const core::Effect& effect);
  [[nodiscard]] bool is_tick_due() const;
  void tick_if_due();
  void check_reasons();
  void check_outputs(const core::Event& event);
  void count(const core::Event& event);
  [[nodiscard]] core::State restored();
  [[nodiscard]] std::int64_t commit_ms();

  World& world_;
  std::optional<core::State> live_;
  core::State replayed_;  // the journal so far, event by event, as read back from JSON
  std::vector<Record> journal_;
  std::uint64_t epoch_ = 0;
  std::uint64_t incarnation_ = 0;
  std::int64_t wall_offset_ms_ = 1'700'000'000'000;
  std::int64_t wall_offset_max_ms_ = wall_offset_ms_;
  std::int64_t slow_until_ms_ = 0;
  std::int64_t full_until_ms_ = 0;
  int crashes_to_come_ = 0;
  std::uint64_t commits_ = 0;
  std::deque<core::Input> queue_;
  bool committing_ = false;
  Transaction pending_;
  std::vector<core::Effect> effects_;
  std::optional<std::int64_t> wake_wall_ms_;
  std::optional<std::int64_t> wake_monotonic_ms_;
  bool clock_jumped_ = false;
  std::map<std::pair<RunId, StepId>, std::string> remembered_reasons_;  // of Mutation::kStaleReason
  std::optional<AttemptId> last_success_;                               // its StepSucceeded comes next
};

}  // namespace luthier::simulation
