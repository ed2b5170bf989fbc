// Supervisor: the programs of `luthier up`: starts them, learns how they end, starts them again, stops them.
// One thread; SIGCHLD, SIGTERM, SIGINT and SIGHUP must be blocked in it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/restart_policy.h"

namespace luthier::cli {

class Supervisor {
 public:
  struct Program {
    std::string name;
    std::vector<std::string> argv;
    std::filesystem::path log;
    pid_t pid = 0;  // 0: not running
    std::uint64_t log_start_bytes = 0;
    RestartPolicy policy;
    std::optional<std::int64_t> start_at_ms;
  };

  explicit Supervisor(const Clock& clock) : clock_(clock) {}
  ~Supervisor();  // kills what still runs

  // Its output is appended to `log`. The reference stays valid.
  [[nodiscard]] Result<Program*> start(std::string name, std::vector<std::string> argv, std::filesystem::path log);

  // Waits for a signal, at most `timeout`; true when it says stop. Programs that ended are started again, with a line
  // on stderr; an Error names one that was given up, with the end of its log.
  [[nodiscard]] Result<bool> attend(milliseconds timeout);
  // While set, a program that ends is given up at once.
  void set_starting(bool starting) { starting_ = starting; }

  // SIGTERM to all, then waits until they have ended or the time is over; false when some have not.
  bool stop_all(milliseconds timeout);

 private:
  [[nodiscard]] Result<void> spawn(Program& program);
  [[nodiscard]] Result<void> reap();
  [[nodiscard]] Result<void> on_end(Program& program, int status);
  [[nodiscard]] Result<void> start_those_due();

  const Clock& clock_;
  bool starting_ = false;
  std::list<Program> programs_;
};

// "was ended by signal 9 (Killed)", "ended with status 2".
[[nodiscard]] std::string describe_end(int wait_status);

}  // namespace luthier::cli
