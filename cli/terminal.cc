#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace luthier::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void note_interrupt(int) { interrupted = 1; }

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 100;
  }
  return size.ws_col;
}

void LiveArea::show(const std::vector<std::string>& lines, const std::vector<std::string>& live) {
  if (lines.empty() && live.empty() && live_lines_ == 0) {
    return;
  }
  std::string text;
  if (live_lines_ > 0) {
    text = "\r\x1b[" + std::to_string(live_lines_) + "A\x1b[J";  // up to its first line, erase to the end
  }
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  for (const std::string& line : live) {
    text += line + "\n";
  }
  live_lines_ = live.size();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

InterruptFlag::InterruptFlag() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = note_interrupt;  // without SA_RESTART, so that sleeps end
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

InterruptFlag::~InterruptFlag() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptFlag::is_set() { return interrupted != 0; }

void InterruptFlag::sleep(int milliseconds) {
  const timespec time{milliseconds / 1'000, (milliseconds % 1'000) * 1'000'000L};
  if (interrupted == 0) {
    ::nanosleep(&time, nullptr);
  }
}

}  // namespace luthier::cli
