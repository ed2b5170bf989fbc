// Runner: the agent's hands. Performs the effects of agents/core that concern attempts on this machine, on threads of
// its own, and posts what comes of them as inputs. Everything it must remember over a restart lies in the attempts'
// folders (attempt_folder.h).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agents/core/effect.h"
#include "agents/run/attempt_folder.h"
#include "agents/run/cache.h"
#include "agents/run/follower.h"
#include "agents/run/gpu_meter.h"
#include "agents/run/launch.h"
#include "agents/run/task_pool.h"
#include "agents/run/telemetry_sink.h"
#include "base/log.h"

namespace luthier::agents {

struct RunnerOptions {
  std::filesystem::path data;  // absolute; attempts/ and cache/ are below it
  Programs programs;
  LaunchOptions launch;
  SilenceLimits silence;
  std::uint64_t cache_bytes_max = std::uint64_t{50} << 30;
  GpuReader* gpus = nullptr;  // borrowed; nullptr: their use is not known
  milliseconds gpu_interval{1'000};
};

// Borrowed things must outlive the runner. perform(), recover() and the destructor are for one thread (the strand).
class Runner {
 public:
  using Post = std::function<void(Input)>;  // from any thread; must not block for long
  Runner(RunnerOptions options, BlobClient& blobs, TelemetrySink& telemetry, const Clock& clock, Log& log, Post post);
  // Stops all work; shims and their processes go on.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Finds the attempts in the data folder, posts RecoveredAttempt for each and follows those that were started.
  // Once, before any perform().
  void recover();

  void perform(const FetchInputs& effect);
  void perform(const StartShim& effect);
  void perform(const RenewLease& effect);
  void perform(const StopProcess& effect);
  void perform(const UploadCheckpoint& effect);
  void perform(const UploadOutputs& effect);
  void perform(const FlushTelemetry& effect);
  void perform(const RemoveAttempt& effect);

  // The controller has the checkpoint, or does not want it: its folder is deleted. Thread-safe.
  void prune_checkpoint(const AttemptId& attempt, std::int64_t step);

  // Where a serving attempt listens; empty when it is not here. Thread-safe.
  [[nodiscard]] std::optional<std::filesystem::path> serve_socket(const AttemptId& attempt) const;

 private:
  struct Held {
    Assignment assignment;
    std::filesystem::path folder;
    std::string nonce;
    std::shared_ptr<Cancel> cancel = std::make_shared<Cancel>();
    std::shared_ptr<Follower> follower;
    std::map<std::int64_t, std::string> checkpoints;  // uploaded, not acknowledged: step → folder
    std::optional<bool> stop_forced;                  // a stop came; with KILL?
    Lease lease;                                      // the newest
  };
  [[nodiscard]] std::optional<Held> find(const AttemptId& attempt) const;
  void fetch(const Held& held);
  void start(const Held& held, Lease lease);
  void follow(const Held& held);

  const RunnerOptions options_;
  BlobClient& blobs_;
  TelemetrySink& telemetry_;
  const Clock& clock_;
  Log& log_;
  const Post post_;
  ArtifactCache cache_;
  GpuMeter gpu_meter_;
  mutable std::mutex mutex_;  // guards held_
  std::map<AttemptId, Held> held_;
  // Apart, so that transfers that wait for the controller never hold up a start or a stop.
  TaskPool local_{2};
  TaskPool fetches_{4};
  TaskPool uploads_{4};
};

}  // namespace luthier::agents
