// Devices: what this machine can offer to steps. Reads /proc, /sys/fs/cgroup and, when the driver is there, NVML.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier::agents {

struct Gpu {
  int index = 0;  // the number given in CUDA_VISIBLE_DEVICES
  std::string name;
  std::string uuid;
  std::uint64_t memory_bytes = 0;
  friend bool operator==(const Gpu&, const Gpu&) = default;
};

// Where the ranks of a gang meet when its rank 0 runs here.
struct Rendezvous {
  std::string host;  // a name or address of this machine that other agents reach
  int port_first = 29'500;
  int port_last = 29'599;
  friend bool operator==(const Rendezvous&, const Rendezvous&) = default;
};

struct Devices {
  double cpus = 1;                 // cores this process may use, or the quota of its cgroup if that is less
  std::uint64_t memory_bytes = 0;  // of the machine, or the limit of the cgroup if that is less
  std::vector<Gpu> gpus;
  std::string cpu_model;
  Rendezvous rendezvous;
  std::string gpu_note;  // why there are no GPUs, when NVML is there but failed; empty otherwise
};

struct DeviceOptions {
  double cpus = 0;  // offered instead of what was found; 0: what was found
  std::string nvml_library = "libnvidia-ml.so.1";
  std::filesystem::path proc = "/proc";
  std::filesystem::path cgroup = "/sys/fs/cgroup";
};

[[nodiscard]] Devices find_devices(const DeviceOptions& options);

// GPUs by NVML opened at run time. Empty without the library; kUnavailable when the library or a device fails.
[[nodiscard]] Result<std::vector<Gpu>> find_gpus(const std::string& library);

// What one GPU does now.
struct GpuReading {
  std::uint64_t memory_used_bytes = 0;  // by everybody on it
  std::optional<double> utilization;    // 0 to 1, of the last moments; not told by a GPU that is split (MIG)
  friend bool operator==(const GpuReading&, const GpuReading&) = default;
};

class GpuReader {
 public:
  virtual ~GpuReader() = default;
  // `index` as Gpu has it. kUnavailable when the device does not answer.
  [[nodiscard]] virtual Result<GpuReading> read(int index) = 0;
};

// Keeps NVML open. nullptr without the library; kUnavailable when it fails.
[[nodiscard]] Result<std::unique_ptr<GpuReader>> open_gpu_reader(const std::string& library);

}  // namespace luthier::agents
