// GpuMeter: what an attempt's GPUs did while it had them. A GPU is given to one attempt as a whole, so what the GPU
// does is put down to it. A thread of its own looks at them, so that a driver that hangs holds up nobody who asks.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agents/core/input.h"
#include "agents/device/devices.h"
#include "base/clock.h"

namespace luthier::agents {

// In the attempt's folder: what was measured so far, so that the next agent goes on from there.
inline constexpr const char* kGpuUseFile = "gpu.json";

struct GpuUse {
  std::uint64_t peak_memory_bytes = 0;  // of all its GPUs at one time
  double busy_ms = 0;                   // summed over its GPUs
  double observed_ms = 0;               // likewise: how long their utilization was known
  friend bool operator==(const GpuUse&, const GpuUse&) = default;
};

class GpuMeter {
 public:
  // Borrows all. Without a reader nothing is measured. `interval` 0: only look() looks (for tests).
  GpuMeter(GpuReader* reader, const Clock& clock, milliseconds interval);
  // Saves what goes on.
  ~GpuMeter();
  GpuMeter(const GpuMeter&) = delete;
  GpuMeter& operator=(const GpuMeter&) = delete;

  // All thread-safe, and none but look() waits for a device.
  void begin(const AttemptId& attempt, const std::vector<int>& gpus, const std::filesystem::path& folder);
  // Measures it no longer; adds what is known to `usage`. Nothing when it was not begun.
  void end(const AttemptId& attempt, Usage& usage);
  void look();

 private:
  struct Measured {
    std::vector<int> gpus;
    std::filesystem::path folder;
    GpuUse use;
    std::vector<double> utilizations;  // at the last look, of those that tell
    std::int64_t looked_ms = 0;
  };
  void run(milliseconds interval);
  void pass_time(Measured& measured, std::int64_t now_ms) const;
  static void save(const Measured& measured);

  GpuReader* const reader_;
  const Clock& clock_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::map<AttemptId, Measured> measured_;
  std::int64_t saved_ms_ = 0;
  bool begun_ = false;  // since the last look
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace luthier::agents
