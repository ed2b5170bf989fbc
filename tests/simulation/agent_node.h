// AgentNode: one machine with an agent on it. Three lives, each may end before the next outer one: the agent process
// (its machine's state), the shims with their processes, and the machine with its disk.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "agents/core/core.h"
#include "controller/core/core.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {

class AgentNode {
 public:
  AgentNode(World& world, AgentId id, int gpus);

  void start_machine();  // boots with an empty disk
  void crash_process();  // kill -9 of the agent; shims go on
  void lose_machine();   // everything on it is gone
  void reboot();         // power comes back: processes are gone, the disk is there, records may be torn
  void kill_a_process(const agents::ExitRecord& exit);
  void silence_a_process();  // it goes on for ever, unless it is stopped
  void slow_disk_until(std::int64_t time_ms) { slow_until_ms_ = time_ms; }
  void fill_disk_until(std::int64_t time_ms);
  void delay_checkpoints_until(std::int64_t time_ms) { late_until_ms_ = time_ms; }
  void cut_telemetry_until(std::int64_t time_ms) { mute_until_ms_ = time_ms; }
  void heal();  // faults are over: nothing stays slow, full or silent
  void lose_connection();
  void feed(const agents::Input& input);

  [[nodiscard]] bool up() const { return machine_.has_value(); }
  [[nodiscard]] bool is_idle() const { return (!machine_ || machine_->attempts.empty()) && folders_.empty(); }
  [[nodiscard]] core::AgentConnected hello() const;
  [[nodiscard]] std::string describe() const;

 private:
  // What lies on disk, and what runs under the shim.
  struct Folder {
    agents::Assignment assignment;
    bool shim_started = false;
    bool alive = false;
    bool ready = false;
    bool stubborn = false;  // ignores TERM
    std::int64_t pid = 0;
    std::int64_t started_ms = 0;
    std::optional<agents::StopReason> stopping;
    std::optional<agents::ExitRecord> exit;
    bool tree_gone = false;
    bool silent = false;  // does nothing any more
    std::string spool;    // the log
    std::vector<agents::CheckpointSeen> checkpoints;
  };

  // What the agent process knows of sending a log; gone with it.
  struct Feed {
    std::uint64_t offset = 0;
    std::size_t metrics_sent = 0;
    bool flush = false;
    bool refused = false;
    bool ended = false;
    bool busy = false;
  };

  void start_process();  // the agent
  void tear_assignments();
  void come_back(std::int64_t least_ms, std::int64_t most_ms, bool machine);
  void recover(Folder folder);
  void perform(const agents::Effect& effect);
  void on(const agents::FetchInputs& effect);
  void on(const agents::StartShim& effect);
  void on(const agents::RenewLease&) {}  // nothing exclusive runs here
  void on(const agents::StopProcess& effect);
  void on(const agents::UploadCheckpoint& effect);
  void on(const agents::UploadOutputs& effect);
  void on(const agents::FlushTelemetry& effect);
  void on(const agents::SendReport& effect);
  void on(const agents::RemoveAttempt& effect);
  void on(const agents::WakeAt& effect);
  // Does `action` after a while, unless the agent process has died meanwhile; waits for a connection if `online`.
  void later(std::int64_t least_ms, std::int64_t most_ms, bool online, std::function<void()> action);

  // --- spool.cc ---
  void write_log(const AttemptId& attempt, const std::string& line);
  void pump(const AttemptId& attempt);  // sends what is left of the log and metrics
  void send_piece(const AttemptId& attempt);
  void answer_piece(const AttemptId& attempt, const Telemetry::Appended& answer, std::uint64_t sent_to, bool end);

  // --- processes.cc ---
  void run_process(const AttemptId& attempt);
  void save_checkpoint(const AttemptId& attempt, std::int64_t step);
  void end_process(const AttemptId& attempt, agents::ExitRecord exit);
  [[nodiscard]] agents::ExitRecord natural_end(const agents::Assignment& assignment);
  void check_gpus(const agents::Assignment& starting);
  // The folder if the machine has not been lost and the process has not ended.
  Folder* living(const AttemptId& attempt, std::uint64_t boot);
  // Feeds the agent if it is up; it finds the facts on disk otherwise.
  void tell(const agents::Input& input);

  World& world_;
  const AgentId id_;
  core::AgentResources resources_;
  std::uint64_t boot_ = 0;         // of the machine
  std::uint64_t incarnation_ = 0;  // of the agent process
  std::int64_t skew_ms_ = 0;
  std::optional<agents::State> machine_;
  std::map<AttemptId, Folder> folders_;
  std::map<AttemptId, Feed> feeds_;
  std::int64_t slow_until_ms_ = 0;
  std::int64_t full_until_ms_ = 0;
  std::int64_t late_until_ms_ = 0;
  std::int64_t mute_until_ms_ = 0;
  std::int64_t next_pid_ = 100;
};

}  // namespace luthier::simulation
