#include "agents/device/devices.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <thread>

#include "base/file.h"

namespace luthier::agents {
namespace {

double usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
    return CPU_COUNT(&set);
  }
  return std::max(1U, std::thread::hardware_concurrency());  // more cores than a cpu_set_t holds
}

// Where `controller` ("" for version 2) puts this process below the cgroup mount, from /proc/self/cgroup.
std::optional<std::filesystem::path> cgroup_of(const DeviceOptions& options, const std::string& controller) {
  const auto text = read_file(options.proc / "self/cgroup", 1 << 16);
  if (!text) {
    return std::nullopt;
  }
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {  // "0::/path" or "4:cpu,cpuacct:/path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(std::min(second + 2, line.size()));
    if (controller.empty() ? controllers == ",," : controllers.find("," + controller + ",") != std::string::npos) {
      return path;
    }
  }
  return std::nullopt;
}

// Calls `read` for the group's folder and every folder above it up to `root`.
template <class Read>
void for_each_level(const std::filesystem::path& root, const std::filesystem::path& group, Read read) {
  std::filesystem::path level = group;
  while (true) {
    read(root / level);
    if (level.empty()) {
      return;
    }
    level = level.parent_path();
  }
}

std::optional<double> read_number(const std::filesystem::path& file) {
  const auto text = read_file(file, 1 << 12);
  if (!text) {
    return std::nullopt;
  }
  std::istringstream stream(*text);
  double value = 0;
  if (!(stream >> value) || value <= 0) {  // "max", or -1: no limit
    return std::nullopt;
  }
  return value;
}

double limit_cores(const DeviceOptions& options, double cores) {
  if (const auto group = cgroup_of(options, "")) {
    for_each_level(options.cgroup, *group, [&](const std::filesystem::path& folder) {
      const auto text = read_file(folder / "cpu.max", 1 << 12);
      std::istringstream stream(text ? *text : "");
      double quota = 0;
      double period = 0;
      if (stream >> quota >> period && quota > 0 && period > 0) {
        cores = std::min(cores, quota / period);
      }
    });
  }
  if (const auto group = cgroup_of(options, "cpu")) {
    for_each_level(options.cgroup / "cpu", *group, [&](const std::filesystem::path& folder) {
      const auto quota = read_number(folder / "cpu.cfs_quota_us");
      const auto period = read_number(folder / "cpu.cfs_period_us");
      if (quota && period) {
        cores = std::min(cores, *quota / *period);
      }
    });
  }
  return cores;
}

std::uint64_t machine_memory(const DeviceOptions& options) {
  const auto text = read_file(options.proc / "meminfo", 1 << 16);
  std::istringstream lines(text ? *text : "");
  std::string name;
  std::uint64_t kilobytes = 0;
  std::string rest;
  while (lines >> name >> kilobytes && std::getline(lines, rest)) {
    if (name == "MemTotal:") {
      return kilobytes * 1024;
    }
  }
  return 0;
}

std::uint64_t limit_memory(const DeviceOptions& options, std::uint64_t bytes) {
  const auto apply = [&](const std::filesystem::path& file) {
    const auto limit = read_number(file);
    if (limit && *limit < static_cast<double>(bytes)) {
      bytes = static_cast<std::uint64_t>(*limit);
    }
  };
  if (const auto group = cgroup_of(options, "")) {
    for_each_level(options.cgroup, *group, [&](const auto& folder) { apply(folder / "memory.max"); });
  }
  if (const auto group = cgroup_of(options, "memory")) {
    for_each_level(options.cgroup / "memory", *group,
                   [&](const auto& folder) { apply(folder / "memory.limit_in_bytes"); });
  }
  return bytes;
}

std::string cpu_model(const DeviceOptions& options) {
  const auto text = read_file(options.proc / "cpuinfo", std::uint64_t{16} << 20);
  std::istringstream lines(text ? *text : "");
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("model name")) {
      const std::size_t colon = line.find(": ");
      return colon == std::string::npos ? "" : line.substr(colon + 2);
    }
  }
  return "";
}

}  // namespace

Devices find_devices(const DeviceOptions& options) {
  Devices devices;
  devices.cpus = options.cpus > 0 ? options.cpus : limit_cores(options, usable_cores());
  devices.memory_bytes = limit_memory(options, machine_memory(options));
  devices.cpu_model = cpu_model(options);
  auto gpus = find_gpus(options.nvml_library);
  if (gpus) {
    devices.gpus = std::move(*gpus);
  } else {
    devices.gpu_note = gpus.error().message;
  }
  return devices;
}

}  // namespace luthier::agents
