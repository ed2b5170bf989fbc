#include "agents/shim/usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "agents/shim/process_tree.h"
#include "base/file.h"

namespace luthier::shim {
namespace {

std::int64_t milliseconds_of(const timeval& time) { return time.tv_sec * 1'000LL + time.tv_usec / 1'000; }

// Second number of /proc/PID/statm, in pages. A process that has gone has none.
std::uint64_t resident_bytes(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/statm", 4'096);
  const std::size_t space = text ? text->find(' ') : std::string::npos;
  if (space == std::string::npos) {
    return 0;
  }
  std::uint64_t pages = 0;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Usage usage_of_children() {
  rusage used{};
  if (::getrusage(RUSAGE_CHILDREN, &used) != 0) {
    return {};
  }
  return {.cpu_ms = milliseconds_of(used.ru_utime) + milliseconds_of(used.ru_stime),
          .peak_memory_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1'024};
}

std::uint64_t memory_below(pid_t root) {
  std::uint64_t bytes = 0;
  for (const pid_t pid : descendants_of(root)) {
    bytes += resident_bytes(pid);
  }
  return bytes;
}

}  // namespace luthier::shim
