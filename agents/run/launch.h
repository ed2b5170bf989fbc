// Which program runs a step, and what its shim is told.
#pragma once

#include <filesystem>
#include <optional>

#include "agents/core/input.h"
#include "agents/shim/records.h"
#include "base/result.h"

namespace luthier::agents {

struct Programs {
  std::filesystem::path shim;
  std::filesystem::path worker;  // train, eval, serve
  std::filesystem::path prep;    // prepare
};

struct LaunchOptions {
  std::int64_t grace_ms = 10'000;
  std::int64_t orphan_timeout_ms = 900'000;
  Lease lease;                    // of an exclusive attempt
  std::filesystem::path cgroup;   // in which each step gets a group of its own; empty: none
  std::optional<ChildUser> user;  // whom steps run as
};

// kNotFound when the program of that step type is not there; kInvalidArgument when the type or its command is unknown.
[[nodiscard]] Result<shim::Launch> make_launch(const std::filesystem::path& attempt_folder,
                                               const Assignment& assignment, const std::string& nonce,
                                               const Programs& programs, const LaunchOptions& options);

// Writes launch.json, starts the shim detached and waits until it has started the step's process. Returns its pid, or
// 0 when the process could not be started or the shim died while it started it: a Follower tells what is left of it.
// kUnavailable when nothing was started and never will be. Starting an attempt that has a shim joins it.
[[nodiscard]] Result<pid_t> start_shim(const std::filesystem::path& attempt_folder, const shim::Launch& launch,
                                       const std::filesystem::path& shim_program);

}  // namespace luthier::agents
