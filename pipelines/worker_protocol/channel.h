// Channel: a step process's side of the messages in docs/worker-protocol.md (newline-delimited JSON).
//
// One thread inside the channel owns the socket: it writes the queued lines in order, says `heartbeat` when
// nothing else was said for a while, and reads control messages. All member functions may be called from any
// thread. Without a socket (a person runs the program by hand) the same lines are printed on stdout, and
// neither heartbeats nor control messages exist.
//
// The peer's pace never blocks a heartbeat or a progress line. Other messages are queued, at most
// `Options::queue_lines_max` of them; a full queue makes the sender wait, at most `Options::send_timeout`. When
// the peer is gone, messages are dropped and broken() is true: the work may go on, and its result is reported
// by the exit status alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::worker_protocol {

using Json = nlohmann::json;

inline constexpr int kProtocolVersion = 1;

// kUser: the step's input or settings are wrong, another try would fail too. kInfrastructure: anything else.
enum class FailureClass { kUser, kInfrastructure };

struct Progress {
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  std::string unit;  // "steps", "examples", "rows"; empty: not sent
  std::optional<double> tokens_per_second;
  std::optional<double> loss;
  std::optional<double> eta_seconds;
};

class Channel {
 public:
  struct Options {
    std::string program;      // sent in `hello`: "luthier-worker", "luthier-prep"
    std::string socket_path;  // empty: print on stdout
    std::chrono::milliseconds heartbeat_interval{2'000};
    std::chrono::milliseconds progress_interval{250};  // progress that comes sooner is dropped, but for the last
    std::chrono::milliseconds send_timeout{30'000};
    std::size_t queue_lines_max = 1'024;
  };

  // Connects, starts the thread and queues `hello`. kUnavailable when nobody listens at the path.
  [[nodiscard]] static Result<std::unique_ptr<Channel>> open(Options options);
  // The same with the path taken from LUTHIER_SOCKET (unset or empty: stdout).
  [[nodiscard]] static Result<std::unique_ptr<Channel>> open_from_environment(std::string program);

  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  // Writes what is queued, waiting at most Options::send_timeout, and closes.
  ~Channel();

  // A global step from 1 and its values by name. Values that are not finite are left out: JSON has no name for
  // them.
  [[nodiscard]] Result<void> metric(std::int64_t step, const std::map<std::string, double>& values);
  // Never blocks: only the newest progress matters, so one that cannot be sent at once is dropped.
  void progress(const Progress& progress);
  // `path`: a complete, fsynced folder that will not change any more.
  [[nodiscard]] Result<void> checkpoint(std::int64_t step, std::string_view path,
                                        const std::map<std::string, double>& metrics);

  // A serving process accepts requests from now on.
  [[nodiscard]] Result<void> ready();

  // The last line of a success, or of a failure. Each waits until the line is written, so that the process may
  // exit afterwards. `outputs` is an object; make artifact values with artifact_output().
  [[nodiscard]] Result<void> result(const Json& outputs);
  [[nodiscard]] Result<void> error(FailureClass failure_class, std::string_view code, std::string_view message);

  // `stop` was received, or request_stop() called. Stays true.
  [[nodiscard]] bool stop_requested() const;
  // Async-signal-safe: for a SIGTERM handler.
  void request_stop();
  // `checkpoint_now` was received since the last call.
  [[nodiscard]] bool take_checkpoint_request();
  // The peer is gone, or took longer than the timeout.
  [[nodiscard]] bool broken() const;

 private:
  class Connection;
  explicit Channel(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// {"$path": path, "kind": kind}: the value of an output that is a folder.
[[nodiscard]] Json artifact_output(std::string_view path, std::string_view kind);

}  // namespace luthier::worker_protocol
