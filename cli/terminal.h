// Terminal: the live area below the lines already printed; and Ctrl-C as a flag.
#pragma once

#include <string>
#include <vector>

namespace luthier::cli {

[[nodiscard]] bool is_terminal(int fd);
// Columns of the terminal on stdout; 100 when it is none.
[[nodiscard]] int terminal_width();

// Writes to stdout. The live area is erased when this object goes.
class LiveArea {
 public:
  LiveArea() = default;
  ~LiveArea() { show({}, {}); }
  LiveArea(const LiveArea&) = delete;
  LiveArea& operator=(const LiveArea&) = delete;

  // Prints `lines` for good and replaces the live area below them.
  void show(const std::vector<std::string>& lines, const std::vector<std::string>& live);

 private:
  std::size_t live_lines_ = 0;
};

// While it lives, SIGINT and SIGTERM set a flag instead of ending the program. One at a time.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;
  [[nodiscard]] static bool is_set();
  // Sleeps, but not beyond an interrupt.
  static void sleep(int milliseconds);
};

}  // namespace luthier::cli
