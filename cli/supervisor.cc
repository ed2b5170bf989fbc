#include "cli/supervisor.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

extern char** environ;

namespace luthier::cli {
namespace {

constexpr std::size_t kTailBytes = 2'000;
constexpr std::uint64_t kLogBytesMax = std::uint64_t{1} << 32;

// Our own settings are for this program; the children get theirs as flags.
std::vector<std::string> child_environment() {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "LUTHIER_", 8) != 0) {
      entries.emplace_back(*entry);
    }
  }
  return entries;
}

sigset_t signals_of_interest() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

// What the program said since it was started, its end.
std::string log_tail(const Supervisor::Program& program) {
  const Result<std::string> log = read_file(program.log, kLogBytesMax);
  if (!log || log->size() <= program.log_start_bytes) {
    return {};
  }
  const std::size_t start = std::max<std::size_t>(static_cast<std::size_t>(program.log_start_bytes),
                                                  log->size() > kTailBytes ? log->size() - kTailBytes : 0);
  std::string tail = log->substr(start);
  while (!tail.empty() && tail.back() == '\n') {
    tail.pop_back();
  }
  return tail;
}

}  // namespace

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    const char* name = ::strsignal(signal);
    return "was ended by signal " + std::to_string(signal) + (name == nullptr ? "" : " (" + std::string(name) + ")");
  }
  return "ended with status " + std::to_string(WEXITSTATUS(wait_status));
}

Supervisor::~Supervisor() {
  for (const Program& program : programs_) {
    if (program.pid > 0) {
      ::kill(program.pid, SIGKILL);
      ::waitpid(program.pid, nullptr, 0);
    }
  }
}

Result<Supervisor::Program*> Supervisor::start(std::string name, std::vector<std::string> argv,
                                               std::filesystem::path log) {
  programs_.push_back({.name = std::move(name), .argv = std::move(argv), .log = std::move(log)});
  LUTHIER_TRY_VOID(spawn(programs_.back()));
  return &programs_.back();
}

Result<void> Supervisor::spawn(Program& program) {
  const UniqueFd log(::open(program.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) {
    return Error{ErrorCode::kInternal, "cannot write " + program.log.string() + ": " + std::strerror(errno)};
  }
  const off_t size = ::lseek(log.get(), 0, SEEK_END);
  program.log_start_bytes = size < 0 ? 0 : static_cast<std::uint64_t>(size);
  ChildOptions options;
  options.argv = program.argv;
  options.environment = child_environment();
  options.stdout_fd = log.get();
  options.stderr_fd = log.get();
  options.new_session = true;             // Ctrl-C is for us: we stop them in order
  options.parent_death_signal = SIGTERM;  // and if we are killed, they still stop
  LUTHIER_TRY(program.pid, spawn_child(options));
  program.start_at_ms.reset();
  return {};
}

Result<bool> Supervisor::attend(milliseconds timeout) {
  const sigset_t signals = signals_of_interest();
  const timespec time{timeout.count() / 1'000, (timeout.count() % 1'000) * 1'000'000};
  const int signal = ::sigtimedwait(&signals, nullptr, &time);
  if (signal == SIGTERM || signal == SIGINT || signal == SIGHUP) {
    return true;
  }
  LUTHIER_TRY_VOID(reap());
  LUTHIER_TRY_VOID(start_those_due());
  return false;
}

Result<void> Supervisor::reap() {
  for (Program& program : programs_) {
    int status = 0;
    if (program.pid > 0 && ::waitpid(program.pid, &status, WNOHANG) == program.pid) {
      program.pid = 0;
      LUTHIER_TRY_VOID(on_end(program, status));
    }
  }
  return {};
}

Result<void> Supervisor::on_end(Program& program, int status) {
  const std::string what = program.name + " " + describe_end(status);
  const std::string tail = log_tail(program);
  const std::optional<std::int64_t> pause = program.policy.on_end(clock_.now().monotonic_ms);
  if (starting_) {
    return Error{ErrorCode::kFailedPrecondition, what + " while starting" + (tail.empty() ? "" : ":\n" + tail)};
  }
  if (!pause) {
    return Error{ErrorCode::kFailedPrecondition, what + "; it keeps ending, so it is not started again. The end of " +
                                                     program.log.string() + ":\n" + tail};
  }
  program.start_at_ms = clock_.now().monotonic_ms + *pause;
  std::fprintf(stderr, "luthier: %s; starting it again in %.2f s (%s says more)\n", what.c_str(),
               static_cast<double>(*pause) / 1'000.0, program.log.c_str());
  return {};
}

Result<void> Supervisor::start_those_due() {
  for (Program& program : programs_) {
    if (program.start_at_ms && clock_.now().monotonic_ms >= *program.start_at_ms) {
      LUTHIER_TRY_VOID(spawn(program));
    }
  }
  return {};
}

bool Supervisor::stop_all(milliseconds timeout) {
  const sigset_t signals = signals_of_interest();
  const std::int64_t deadline_ms = clock_.now().monotonic_ms + timeout.count();
  for (Program& program : programs_) {
    program.start_at_ms.reset();
    if (program.pid > 0) {
      ::kill(program.pid, SIGTERM);
    }
  }
  while (true) {
    bool running = false;
    for (Program& program : programs_) {
      if (program.pid > 0 && ::waitpid(program.pid, nullptr, WNOHANG) == program.pid) {
        program.pid = 0;
      }
      running = running || program.pid > 0;
    }
    if (!running || clock_.now().monotonic_ms >= deadline_ms) {
      return !running;
    }
    const timespec pause{0, 50'000'000};
    ::sigtimedwait(&signals, nullptr, &pause);
  }
}

}  // namespace luthier::cli
