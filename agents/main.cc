// luthier-agent: runs steps for a controller. See runtime.h; settings in config.h.
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "agents/runtime.h"

namespace {

constexpr luthier::milliseconds kStopTimeout{9'000};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

void await_one(const sigset_t& set) {
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
}

// Sets `stop` at the first signal; when that starts a drain, `stop_now` at the second. If the agent has not ended soon
// after the last of them, it is ended: everything it must know lies on disk, as after a crash.
void await_signal(luthier::agents::Cancel& stop, luthier::agents::Cancel& stop_now,
                  const luthier::agents::Cancel& ended, bool drains) {
  const sigset_t set = stop_signals();
  await_one(set);
  stop.set();
  if (drains && !ended.is_set()) {
    await_one(set);
  }
  stop_now.set();
  if (!ended.wait(kStopTimeout)) {
    std::_Exit(0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace luthier;
  auto parsed = agents::parse_config(std::vector<std::string>(argv + 1, argv + argc),
                                     [](const char* name) -> const char* { return std::getenv(name); });
  if (!parsed) {
    std::fprintf(stderr, "luthier-agent: %s\n", parsed.error().message.c_str());
    return 2;
  }
  if (parsed->action != agents::ConfigAction::kRun) {
    std::fputs(parsed->text.c_str(), stdout);
    return 0;
  }
  // Before any thread starts, so that all threads inherit it.
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  umask(077);  // logs, inputs and outputs of steps are nobody else's
  const SystemClock clock;
  Log log(clock, {.pretty = parsed->config.log_pretty});
  agents::Cancel stop;
  agents::Cancel ended;
  agents::Cancel stop_now;
  std::thread signals([&, drains = parsed->config.drain] { await_signal(stop, stop_now, ended, drains); });
  agents::AgentRuntime runtime(std::move(parsed->config), clock, log);
  const auto result = runtime.run(stop, stop_now);
  ended.set();
  if (!stop_now.is_set()) {
    kill(getpid(), SIGTERM);  // ends the thread above
  }
  signals.join();
  if (!result && result.error().code != ErrorCode::kCancelled) {
    log.error("agent_failed", {{"why", result.error().message}});
    return 1;
  }
  log.info("agent_stopped");
  return 0;
}
