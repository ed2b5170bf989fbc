// What an agent and a shim tell each other through the attempt's folder and the control socket.
//
//   ATTEMPT/launch.json        agent → shim, before the start: Launch
//   ATTEMPT/shim.lock          locked by the shim while it lives (lock.h)
//   ATTEMPT/shim.json          shim: its own identity and nonce
//   ATTEMPT/started.json       shim: identity of the step's process
//   ATTEMPT/exit.json          shim: ExitFile, written when the process and all it started are dead
//   ATTEMPT/shim.log           what the shim itself has to say (normally nothing)
//   ATTEMPT/spool/log          stdout and stderr of the step, byte for byte
//   ATTEMPT/spool/messages.ndjson   lines of the worker socket, but heartbeats and progress
//   RUNTIME/{control,worker,serve}.sock   in the short folder named by Launch::runtime_folder, since the path of a
//                              Unix socket has at most 107 bytes
//
// Control socket, newline-delimited JSON. Agent → shim: {"type":"ping"}, {"type":"stop","grace_ms":n},
// {"type":"kill"}, {"type":"checkpoint_now"}, {"type":"lease","stop_at_ms":n,"kill_at_ms":n} (monotonic). Shim → agent:
// {"type":"status", Status…} as the answer to ping and whenever something changed (coalesced). The connection ends when
// exit.json is written.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/child_process.h"
#include "base/result.h"

namespace luthier::shim {

using Json = nlohmann::json;

inline constexpr const char* kLaunchFile = "launch.json";
inline constexpr const char* kLockFile = "shim.lock";
inline constexpr const char* kShimFile = "shim.json";
inline constexpr const char* kStartedFile = "started.json";
inline constexpr const char* kExitFile = "exit.json";
inline constexpr const char* kShimLogFile = "shim.log";
inline constexpr const char* kReserveFile = "spool/reserve";  // space for the exit record on a full disk
inline constexpr const char* kSpoolLog = "spool/log";
inline constexpr const char* kSpoolMessages = "spool/messages.ndjson";
inline constexpr const char* kControlSocket = "control.sock";
inline constexpr const char* kWorkerSocket = "worker.sock";
inline constexpr const char* kServeSocket = "serve.sock";
// In the environment of the step's process, so that what it leaves behind can be found.
inline constexpr const char* kNonceVariable = "LUTHIER_ATTEMPT_NONCE";

// Longest line accepted on a socket; a longer one is dropped and noted as {"type":"oversized_message"}.
inline constexpr std::size_t kLineBytesMax = std::size_t{4} << 20;

struct Launch {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value"
  std::filesystem::path workdir;
  std::filesystem::path runtime_folder;
  std::string nonce;
  std::int64_t grace_ms = 10'000;            // TERM to KILL, for stops of the shim's own
  std::int64_t orphan_timeout_ms = 900'000;  // without an agent; 0: never
  // A control group to make for the step; empty: none. With one, the limits below hold for all of it together.
  std::filesystem::path cgroup;
  double cpus_max = 0;            // 0: none
  std::optional<ChildUser> user;  // whom the step runs as; the shim's own when not given
  // Monotonic; 0: none. When the agent has not moved these on in time, the step is stopped, then killed.
  std::int64_t lease_stop_at_ms = 0;
  std::int64_t lease_kill_at_ms = 0;
  std::optional<std::uint64_t> core_bytes_max = 0;
  std::optional<std::uint64_t> address_space_bytes_max;
  std::optional<std::uint64_t> data_bytes_max;    // of each process: heap and private mappings (RLIMIT_DATA)
  std::optional<std::uint64_t> memory_bytes_max;  // of all its processes together, looked at every second
};

// One process, told apart from a later one with the same pid.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string boot_id;
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

struct ShimFile {
  ProcessIdentity shim;
  std::string nonce;
};
struct StartedFile {
  ProcessIdentity process;  // its pid also names its session and process group
  std::int64_t started_wall_ms = 0;
};

struct ExitFile {
  int exit_code = 0;       // -1 when killed; 127 when it could not be started
  int signal = 0;          // 0 when not killed
  std::string stopped_by;  // "": nobody; "agent", "orphan_timeout", "lease", "memory", "signal", "spool" (see error)
  std::string error;       // why it could not be started, or why its output could not be kept
  std::int64_t ended_wall_ms = 0;
  bool out_of_memory = false;  // killed because it had used up its memory
  std::int64_t cpu_ms = 0;     // of the step's process and all that it started
  std::uint64_t peak_memory_bytes = 0;
};

struct Status {
  pid_t pid = 0;      // of the step's process
  std::string state;  // "running", "stopping", "reaping", "ended"
  std::uint64_t log_bytes = 0;
  std::uint64_t messages_bytes = 0;
  std::int64_t silent_ms = 0;   // since the last line on the worker socket
  std::int64_t stalled_ms = 0;  // since the last one that told of progress: any but heartbeats, and `progress` with the
                                // same `done` as before; 0 from shims of older releases
  Json progress;                // newest `progress` line, or null
};

[[nodiscard]] Json to_json(const Launch& value);
[[nodiscard]] Json to_json(const ShimFile& value);
[[nodiscard]] Json to_json(const StartedFile& value);
[[nodiscard]] Json to_json(const ExitFile& value);
[[nodiscard]] Json to_json(const Status& value);  // with "type": "status"

// Each names the file or the member that is wrong. kNotFound when the file is not there.
[[nodiscard]] Result<Launch> read_launch(const std::filesystem::path& attempt_folder);
[[nodiscard]] Result<ShimFile> read_shim_file(const std::filesystem::path& attempt_folder);
[[nodiscard]] Result<StartedFile> read_started_file(const std::filesystem::path& attempt_folder);
[[nodiscard]] Result<ExitFile> read_exit_file(const std::filesystem::path& attempt_folder);
[[nodiscard]] Result<Status> status_from_json(const Json& json);

}  // namespace luthier::shim
