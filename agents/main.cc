// luthier-agent: runs steps for a controller. See runtime.h; settings in config.h.
#include <pthread.h>
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

// Sets `stop` at the first signal. If the agent has not ended soon after, it is ended: everything it must know lies on
// disk, as after a crash.
void await_signal(luthier::agents::Cancel& stop, const luthier::agents::Cancel& ended) {
  const sigset_t set = stop_signals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  stop.set();
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
  const SystemClock clock;
  Log log(clock, {.pretty = parsed->config.log_pretty});
  agents::Cancel stop;
  agents::Cancel ended;
  std::thread signals([&] { await_signal(stop, ended); });
  agents::AgentRuntime runtime(std::move(parsed->config), clock, log);
  const auto result = runtime.run(stop);
  ended.set();
  if (!stop.is_set()) {
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
