// Follower: the agent's eye on one attempt whose shim was started, in a thread of its own.
//
// Reads the spooled messages from their beginning, again after every restart of the agent (whoever takes its inputs is
// idempotent), and says how the process ended when exit.json is there. When the shim died without one, it kills what
// the shim left behind first. Inputs come in this order: CheckpointSeen and ProcessReady as they were said,
// ProcessExited, ProcessTreeGone.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "agents/core/input.h"
#include "agents/shim/records.h"
#include "agents/shim/unix_socket.h"
#include "base/unique_fd.h"

namespace luthier::agents {

// Called on the follower's thread; must not block for long.
struct FollowerEvents {
  std::function<void(Input)> input;
  std::function<void()> spool_grew;
  std::function<void(const Json&)> progress;  // newest progress line
};

// When the silence of a process that has to talk is posted as ProcessSilent.
struct SilenceLimits {
  std::int64_t notice_ms = 60'000;
  std::int64_t hang_ms = 0;   // told again then; 0: never
  std::int64_t stall_ms = 0;  // without progress, of those that report it: posted as ProcessStalled; 0: never
};

class Follower {
 public:
  Follower(Assignment assignment, std::filesystem::path attempt_folder, std::string nonce, SilenceLimits limits,
           FollowerEvents events);
  // Stops following; the shim and its process go on.
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Asks the shim to stop its process. Any thread; sent again if the connection breaks.
  void stop_process(bool force, std::int64_t grace_ms);
  // Tells the shim how long its process may go on. Any thread; the newest is sent again if the connection breaks.
  void renew_lease(Lease lease);

 private:
  void run();
  // Follows over one connection; returns when it ends.
  void follow(UniqueFd connection);
  void take_status(std::string_view line);
  void read_messages();
  void take_message(std::string_view line);
  void finish();
  void finish_lost();
  [[nodiscard]] bool closing() const;
  [[nodiscard]] std::string take_command();
  void take_silence(std::int64_t silent_ms);
  void take_stall(std::int64_t stalled_ms);

  const Assignment assignment_;
  const std::filesystem::path folder_;
  const std::string nonce_;
  const SilenceLimits limits_;
  const FollowerEvents events_;
  UniqueFd wake_;
  UniqueFd messages_;
  shim::LineBuffer lines_{shim::kLineBytesMax};
  ExitRecord exit_;
  Json progress_;
  std::int64_t silent_told_ms_ = 0;
  bool stall_told_ = false;

  mutable std::mutex mutex_;  // guards the members below
  bool closing_ = false;
  std::string command_;  // the strongest stop asked for so far
  bool command_sent_ = true;
  std::string lease_;  // the newest, as a line
  bool lease_sent_ = true;
  std::thread thread_;
};

// What an exit record and the messages before it say together (docs/worker-protocol.md, agents/core/input.h).
[[nodiscard]] ExitRecord make_exit_record(const Assignment& assignment, ExitRecord said, const shim::ExitFile& file);

}  // namespace luthier::agents
