#include "agents/shim/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::shim {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPeriodUs = 100'000;
constexpr std::uint64_t kTextBytesMax = 1 << 16;

// The kernel's files take one write, and are never made by it.
bool write_value(const fs::path& file, std::string_view text) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The number after "name " in a file of such lines; of the whole file when `name` is empty.
std::uint64_t read_value(const fs::path& file, std::string_view name) {
  const auto text = read_file(file, kTextBytesMax);
  if (!text) {
    return 0;
  }
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const bool named = name.empty() || (line.starts_with(name) && line.substr(name.size()).starts_with(' '));
    if (named) {
      const std::size_t start = name.empty() ? 0 : name.size() + 1;
      std::uint64_t value = 0;
      std::from_chars(line.data() + start, line.data() + line.size(), value);
      return value;
    }
  }
  return 0;
}

}  // namespace

Result<std::string> prepare_cgroup_parent(const fs::path& folder) {
  const auto available = read_file(folder / "cgroup.controllers", kTextBytesMax);
  if (!available || ::access((folder / "cgroup.subtree_control").c_str(), W_OK) != 0 ||
      ::access(folder.c_str(), W_OK) != 0) {
    return Error{ErrorCode::kInvalidArgument,
                 folder.string() +
                     " is not a control group (version 2) that this agent may write; delegate one to it, or "
                     "leave out --cgroup"};
  }
  std::string enabled;
  for (const char* controller : {"cpu", "memory", "pids"}) {
    const std::string words = " " + *available + " ";
    const bool there = words.find(std::string(" ") + controller + " ") != std::string::npos ||
                       words.find(std::string(" ") + controller + "\n") != std::string::npos;
    if (there && write_value(folder / "cgroup.subtree_control", std::string("+") + controller)) {
      enabled += (enabled.empty() ? "" : " ") + std::string(controller);
    }
  }
  return enabled;
}

Result<Cgroup> Cgroup::create(const fs::path& path, const CgroupLimits& limits) {
  std::error_code code;
  fs::create_directory(path, code);
  if (code) {
    return Error{ErrorCode::kInternal, "cannot make the control group " + path.string() + ": " + code.message()};
  }
  if (limits.memory_bytes_max > 0) {
    write_value(path / "memory.max", std::to_string(limits.memory_bytes_max));
    write_value(path / "memory.swap.max", "0");
    write_value(path / "memory.oom.group", "1");  // a step that has lost a part is no step any more
  }
  if (limits.cpus > 0) {
    const auto quota_us = static_cast<std::int64_t>(std::ceil(limits.cpus * static_cast<double>(kPeriodUs)));
    write_value(path / "cpu.max", std::to_string(quota_us) + " " + std::to_string(kPeriodUs));
  }
  return Cgroup(path);
}

void Cgroup::kill() const { write_value(path_ / "cgroup.kill", "1"); }

Usage Cgroup::usage() const {
  return {.cpu_ms = static_cast<std::int64_t>(read_value(path_ / "cpu.stat", "usage_usec") / 1'000),
          .peak_memory_bytes = read_value(path_ / "memory.peak", "")};
}

bool Cgroup::was_out_of_memory() const { return read_value(path_ / "memory.events", "oom_kill") > 0; }

void Cgroup::remove() const { ::rmdir(path_.c_str()); }

}  // namespace luthier::shim
