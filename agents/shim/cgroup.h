// Cgroup: a control group (version 2) of one step's own, below a folder that was delegated to the agent. Its limits
// hold for all processes of the step together, and nothing that they start can leave it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "agents/shim/usage.h"
#include "base/result.h"

namespace luthier::shim {

struct CgroupLimits {
  std::uint64_t memory_bytes_max = 0;  // 0: none
  double cpus = 0;                     // 0: none
};

// Makes `folder` ready to hold groups of steps: kInvalidArgument when it is no cgroup of version 2 that this process
// may write. Returns which of "cpu", "memory" and "pids" it could switch on for them.
[[nodiscard]] Result<std::string> prepare_cgroup_parent(const std::filesystem::path& folder);

class Cgroup {
 public:
  // Makes the group; a limit whose controller is not there is left out. kInternal when it cannot be made.
  [[nodiscard]] static Result<Cgroup> create(const std::filesystem::path& path, const CgroupLimits& limits);

  // What a process writes "0" to in order to be in it.
  [[nodiscard]] std::filesystem::path members() const { return path_ / "cgroup.procs"; }
  // SIGKILL to all of it at once (Linux 5.14 or later; otherwise nothing happens, and the caller's own way remains).
  void kill() const;
  // Members that the kernel does not give are 0.
  [[nodiscard]] Usage usage() const;
  // Whether the kernel killed something in it because its memory was used up.
  [[nodiscard]] bool was_out_of_memory() const;
  // Once it is empty.
  void remove() const;

 private:
  explicit Cgroup(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace luthier::shim
