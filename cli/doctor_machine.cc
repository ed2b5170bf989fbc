// Disk, clock, limits, cgroups, shared memory, GPUs.
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "cli/doctor.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kSmallFileBytesMax = 64 * 1024;

// The folder, or the nearest one above it that exists.
fs::path existing(fs::path folder) {
  std::error_code failure;
  folder = fs::absolute(folder, failure);
  while (!fs::exists(folder, failure) && folder.has_parent_path() && folder != folder.parent_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

Finding check_disk(const fs::path& data) {
  struct statvfs disk {};
  const fs::path folder = existing(data);
  if (::statvfs(folder.c_str(), &disk) != 0) {
    return {"disk", Verdict::kFail, "cannot look at " + folder.string(), "choose another folder with --data"};
  }
  const std::uint64_t free_bytes = disk.f_bavail * disk.f_frsize;
  const std::uint64_t size_bytes = disk.f_blocks * disk.f_frsize;
  const std::string found =
      format_bytes(free_bytes) + " of " + format_bytes(size_bytes) + " free at " + folder.string();
  const char* remedy = "free some, run `luthier gc`, or move the data folder to a larger disk";
  if (free_bytes < kGiB) {
    return {"disk", Verdict::kFail, found, remedy};
  }
  return {"disk", free_bytes < 10 * kGiB ? Verdict::kWarn : Verdict::kOk, found, free_bytes < 10 * kGiB ? remedy : ""};
}

// Both clocks over a moment: they must go on alike.
Finding check_clock() {
  const SystemClock clock;
  const Now before = clock.now();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const Now after = clock.now();
  const std::int64_t wall_ms = after.wall_ms - before.wall_ms;
  const std::int64_t monotonic_ms = after.monotonic_ms - before.monotonic_ms;
  const std::string found = format_utc(after.wall_ms) + ", both clocks went on by " + std::to_string(wall_ms) +
                            " and " + std::to_string(monotonic_ms) + " ms";
  if (std::abs(wall_ms - monotonic_ms) > 50) {
    return {"clock", Verdict::kWarn, found,
            "something sets the clock in jumps; let chrony or systemd-timesyncd slew it"};
  }
  constexpr std::int64_t kYear2024Ms = 1'704'067'200'000;
  return {"clock", after.wall_ms < kYear2024Ms ? Verdict::kFail : Verdict::kOk, found,
          after.wall_ms < kYear2024Ms ? "set the date" : ""};
}

Finding check_open_files() {
  struct rlimit limit {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string found = "up to " + std::to_string(limit.rlim_cur) + " open files (hard limit " +
                            (limit.rlim_max == RLIM_INFINITY ? "none" : std::to_string(limit.rlim_max)) + ")";
  const bool few = limit.rlim_cur < 1024;
  return {"open files", few ? Verdict::kWarn : Verdict::kOk, found, few ? "raise it: ulimit -n 65536" : ""};
}

Finding check_processes() {
  struct rlimit limit {};
  ::getrlimit(RLIMIT_NPROC, &limit);
  const bool few = limit.rlim_cur < 1024;
  return {"processes", few ? Verdict::kWarn : Verdict::kOk,
          "up to " + (limit.rlim_cur == RLIM_INFINITY ? std::string("any number of") : std::to_string(limit.rlim_cur)) +
              " processes",
          few ? "raise it: ulimit -u 4096" : ""};
}

Finding check_shared_memory() {
  struct statvfs memory {};
  if (::statvfs("/dev/shm", &memory) != 0) {
    return {"shared mem", Verdict::kWarn, "there is no /dev/shm", "mount a tmpfs there; training on GPUs needs it"};
  }
  const std::uint64_t bytes = memory.f_blocks * memory.f_frsize;
  const bool little = bytes < kGiB;
  return {"shared mem", little ? Verdict::kWarn : Verdict::kOk, format_bytes(bytes) + " in /dev/shm",
          little ? "give it more (--shm-size of a container); training on GPUs needs it" : ""};
}

Finding check_cgroup() {
  const char* remedy =
      "steps are limited by rlimits; run agents under deploy/systemd/luthier-agent.service (Delegate=yes)";
  const Result<std::string> own = read_file("/proc/self/cgroup", kSmallFileBytesMax);
  std::error_code failure;
  if (!own || !fs::exists("/sys/fs/cgroup/cgroup.controllers", failure)) {
    return {"cgroup", Verdict::kWarn, "there is no cgroup version 2", remedy};
  }
  const std::size_t mark = own->find("0::");
  std::string path = mark == std::string::npos ? "/" : own->substr(mark + 3);
  path = path.substr(0, path.find('\n'));
  const fs::path folder = fs::path("/sys/fs/cgroup") / fs::path(path).relative_path();
  const Result<std::string> controllers = read_file(folder / "cgroup.controllers", kSmallFileBytesMax);
  const bool enough =
      controllers && controllers->find("memory") != std::string::npos && controllers->find("cpu") != std::string::npos;
  if (!enough || ::access((folder / "cgroup.procs").c_str(), W_OK) != 0) {
    return {"cgroup", Verdict::kWarn, "version 2, but " + folder.string() + " is not delegated with cpu and memory",
            remedy};
  }
  return {"cgroup", Verdict::kOk, "version 2, " + folder.string() + " may be divided", ""};
}

// The driver by its files, the devices by NVML.
Finding check_gpus() {
  std::error_code failure;
  const bool driver = fs::exists("/proc/driver/nvidia/version", failure);
  void* library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return driver ? Finding{"gpus", Verdict::kFail, "an NVIDIA driver without NVML (libnvidia-ml.so.1)",
                            "install the driver's NVML library"}
                  : Finding{"gpus", Verdict::kOk, "none: no NVIDIA driver; steps run on the CPU", ""};
  }
  using Call = int (*)();
  using Count = int (*)(unsigned*);
  const auto start = reinterpret_cast<Call>(::dlsym(library, "nvmlInit_v2"));
  const auto count_of = reinterpret_cast<Count>(::dlsym(library, "nvmlDeviceGetCount_v2"));
  const auto stop = reinterpret_cast<Call>(::dlsym(library, "nvmlShutdown"));
  unsigned count = 0;
  const int started = start == nullptr ? -1 : start();
  const int counted = started == 0 && count_of != nullptr ? count_of(&count) : started;
  if (started == 0 && stop != nullptr) {
    stop();
  }
  ::dlclose(library);
  if (counted != 0) {
    return {"gpus", driver ? Verdict::kFail : Verdict::kWarn, "NVML fails with code " + std::to_string(counted),
            "driver and library may be of different releases: reboot, or see `nvidia-smi`"};
  }
  return {"gpus", Verdict::kOk, std::to_string(count) + (count == 1 ? " GPU" : " GPUs") + " by NVML", ""};
}

}  // namespace

std::vector<Finding> check_machine(const fs::path& data) {
  return {check_disk(data),      check_clock(),  check_open_files(), check_processes(),
          check_shared_memory(), check_cgroup(), check_gpus()};
}

}  // namespace luthier::cli
