// Starting programs. The caller owns the child: it must wait for it, unless it was started detached.
//
// Between fork and exec only async-signal-safe calls are made, so that a process with threads may use this.
// The child gets default signal dispositions, an empty signal mask, /dev/null where no descriptor is given, and no
// other descriptor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier {

// Whom a child is to be, when its parent is root.
struct ChildUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
  friend bool operator==(const ChildUser&, const ChildUser&) = default;
};

struct ChildOptions {
  std::vector<std::string> argv;         // argv[0]: a path, or a name looked up in PATH of `environment`
  std::vector<std::string> environment;  // "NAME=value"; all the child gets
  std::filesystem::path workdir;         // empty: the caller's
  int stdin_fd = -1;                     // borrowed; -1: /dev/null
  int stdout_fd = -1;
  int stderr_fd = -1;
  bool new_session = false;     // setsid: own session and process group, both named by the pid
  int parent_death_signal = 0;  // sent when the calling thread dies; 0: none
  std::optional<std::uint64_t> core_bytes_max;
  std::optional<std::uint64_t> address_space_bytes_max;
  std::optional<std::uint64_t> data_bytes_max;  // heap and private writable mappings
  std::filesystem::path cgroup_members;         // cgroup.procs of the group it starts in; empty: the caller's
  std::optional<unsigned> file_mode_mask;       // umask; the caller's when not given
  std::optional<ChildUser> user;                // and it can gain no privileges any more (no_new_privs)
};

// Returns the pid once the program runs. kNotFound when there is no such program; otherwise the error of the call
// that failed, with the program's name.
[[nodiscard]] Result<pid_t> spawn_child(const ChildOptions& options);

// Starts the program as a grandchild in a session of its own, so that it outlives the caller and is never the
// caller's zombie. `parent_death_signal` and `new_session` do not apply.
[[nodiscard]] Result<void> spawn_detached(const ChildOptions& options);

// The file that `name` means: itself when it holds a '/', else the first executable in the folders of `path`
// ("a:b:c"). kNotFound otherwise.
[[nodiscard]] Result<std::filesystem::path> find_program(const std::string& name, const std::string& path);

}  // namespace luthier
