// What a step used, by what the kernel says.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace luthier::shim {

struct Usage {
  std::int64_t cpu_ms = 0;              // user and system
  std::uint64_t peak_memory_bytes = 0;  // of the largest single process
};

// Of every child of the calling process that has been waited for, and of what those had waited for: complete once a
// subreaper has no descendant left.
[[nodiscard]] Usage usage_of_children();

// Resident memory of every process below `root`, `root` left out. Pages that processes share count for each: for a
// step that forks after it has loaded its data this says too much, never too little.
[[nodiscard]] std::uint64_t memory_below(pid_t root);

}  // namespace luthier::shim
