// Housekeeper: the controller's slow chores on a thread of their own, so that no decision waits for them: old journal
// records move to archived segments, old logs and metrics are deleted, and the disk is watched.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "controller/store/store.h"

namespace luthier::controller {

class Housekeeper {
 public:
  struct Options {
    milliseconds history_keep{0};
    milliseconds telemetry_keep{0};
    std::uint64_t telemetry_bytes_max = 0;  // 0: no bound
    std::function<void()> look_at_disk;     // called at the start and every second
    milliseconds pause{1'000};
    int archive_every = 30;  // pauses
    int prune_every = 600;
  };

  // Everything is borrowed.
  Housekeeper(store::Store& store, const Clock& clock, Log& log, Options options)
      : store_(store), clock_(clock), log_(log), options_(options) {}
  ~Housekeeper() { stop(); }

  void start();
  // After the segment at hand. Safe to call twice.
  void stop();

 private:
  void run();
  void archive();
  void prune();
  [[nodiscard]] bool stopping();

  store::Store& store_;
  const Clock& clock_;
  Log& log_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace luthier::controller
