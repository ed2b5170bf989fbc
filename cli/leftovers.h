// Leftovers: what steps left running below a folder of agents, found in /proc: shims by their command line, step
// processes by LUTHIER_JOB in their environment.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace luthier::cli {

struct Leftover {
  pid_t pid = 0;
  bool shim = false;
};
[[nodiscard]] std::vector<Leftover> find_leftovers(const std::filesystem::path& agents_folder);

// Sends the signal if the process still is what was found: a pid that was given to another is left alone.
void signal_leftover(const Leftover& leftover, const std::filesystem::path& agents_folder, int signal);

}  // namespace luthier::cli
