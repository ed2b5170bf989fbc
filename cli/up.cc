#include "cli/up.h"

#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "cli/api_client.h"
#include "cli/connection.h"
#include "cli/format.h"
#include "cli/leftovers.h"
#include "cli/supervisor.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kReadyMaxMs = 120'000;  // a long journal takes its time
constexpr std::int64_t kAgentsMaxMs = 20'000;  // for the message only: agents may join later
constexpr milliseconds kProgramsStop{5'000};   // of the 10 s that stopping may take
constexpr std::int64_t kStepsStopMs = 2'500;
constexpr std::int64_t kStepsKillMs = 1'500;
constexpr milliseconds kAttend{100};

// Also inherited by no child: spawn_child gives them an empty mask.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

class Up {
 public:
  Up(const GlobalOptions& global, const UpOptions& options)
      : global_(global), options_(options), data_(fs::absolute(data_folder(global, environment)).lexically_normal()) {}

  ~Up() {
    std::error_code ignored;
    if (owns_url_) {
      fs::remove(data_ / "url", ignored);
    }
    fs::remove(ready_file(), ignored);
  }
  Up(const Up&) = delete;
  Up& operator=(const Up&) = delete;

  Result<void> run() {
    LUTHIER_TRY_VOID(make_folders());
    bool stop = false;
    Result<void> started = start(stop);
    Result<void> ended = started && !stop ? supervise() : Result<void>();
    stop_everything();
    if (!started) {
      return started;
    }
    return ended;
  }

 private:
  [[nodiscard]] fs::path ready_file() const { return data_ / "controller.ready"; }
  [[nodiscard]] fs::path agents_folder() const { return data_ / "agents"; }

  Result<void> make_folders() {
    std::error_code failure;
    bin_ = fs::read_symlink("/proc/self/exe", failure).parent_path();
    for (const char* program : {"luthierd", "luthier-agent"}) {
      const bool needed = program != std::string("luthier-agent") || options_.agents > 0;
      if (failure || (needed && !fs::exists(bin_ / program))) {
        return Error{ErrorCode::kNotFound, "there is no " + (bin_ / program).string() + "; is the build complete?"};
      }
    }
    LUTHIER_TRY_VOID(create_folders(data_ / "logs"));
    LUTHIER_TRY_VOID(create_folders(agents_folder()));
    fs::permissions(data_, fs::perms::owner_all, failure);  // it will hold keys
    fs::remove(ready_file(), failure);
    return {};
  }

  Result<void> start(bool& stop) {
    supervisor_.set_starting(true);
    LUTHIER_TRY(Supervisor::Program * controller,
                supervisor_.start("luthierd",
                                  {(bin_ / "luthierd").string(), "--data", data_.string(), "--http-port",
                                   std::to_string(options_.http_port), "--grpc-port",
                                   std::to_string(options_.grpc_port), "--ready-file", ready_file().string()},
                                  data_ / "logs" / "luthierd.log"));
    LUTHIER_TRY_VOID(await_controller(*controller, stop));
    if (stop) {
      return {};
    }
    supervisor_.set_starting(false);
    for (int number = 1; number <= options_.agents; ++number) {
      const std::string name = "agent-" + std::to_string(number);
      LUTHIER_TRY(const Supervisor::Program* agent,
                  supervisor_.start(
                      "luthier-agent " + std::to_string(number),
                      {(bin_ / "luthier-agent").string(), "--data", (agents_folder() / name).string(), "--controller",
                       grpc_address_, "--name", name, "--join-token-file", (data_ / "agent-join.token").string()},
                      data_ / "logs" / (name + ".log")));
      static_cast<void>(agent);
    }
    LUTHIER_TRY(const int connected, await_agents(stop));
    if (!stop) {
      LUTHIER_TRY_VOID(announce(connected));
    }
    return {};
  }

  Result<void> await_controller(Supervisor::Program& controller, bool& stop) {
    const std::int64_t deadline_ms = clock_.now().monotonic_ms + kReadyMaxMs;
    while (true) {
      LUTHIER_TRY(stop, supervisor_.attend(milliseconds(30)));
      const Result<std::string> said = read_file(ready_file(), 64 * 1024);
      const Json ready = said ? Json::parse(*said, nullptr, false) : Json();
      if (stop || ready.is_object()) {
        url_ = text_of(ready, "http_url");
        grpc_address_ = text_of(ready, "grpc_address");
        break;
      }
      if (clock_.now().monotonic_ms > deadline_ms) {
        return Error{ErrorCode::kDeadlineExceeded,
                     "luthierd was not ready within 120 s; see " + controller.log.string()};
      }
    }
    // A controller that is started again must be found where it was.
    controller.argv[4] = url_.substr(url_.rfind(':') + 1);
    controller.argv[6] = grpc_address_.substr(grpc_address_.rfind(':') + 1);
    return {};
  }

  // How many agents are connected, once all are or the time is over.
  Result<int> await_agents(bool& stop) {
    GlobalOptions options = global_;
    options.url = url_;
    options.key_file = (data_ / "admin.key").string();
    LUTHIER_TRY(ApiClient api, connect(options));
    const std::int64_t deadline_ms = clock_.now().monotonic_ms + kAgentsMaxMs;
    int connected = 0;
    while (connected < options_.agents && clock_.now().monotonic_ms < deadline_ms) {
      LUTHIER_TRY(stop, supervisor_.attend(kAttend));
      if (stop) {
        break;
      }
      connected = 0;
      if (const Result<Json> agents = api.get("/api/v1/agents")) {
        for (const Json& agent : agents->value("agents", Json::array())) {
          connected += text_of(agent, "status") == "connected" ? 1 : 0;
        }
      }
    }
    return connected;
  }

  Result<void> announce(int connected) {
    LUTHIER_TRY_VOID(write_file_atomically(data_ / "url", url_ + "\n", 0600));
    owns_url_ = true;
    std::printf("luthier is ready: %s\n", url_.c_str());
    std::printf("  agents  %d of %d connected\n", connected, options_.agents);
    std::printf("  data    %s (key in admin.key, logs in logs/)\n", data_.c_str());
    std::printf("  next    luthier%s run FILE in another terminal; Ctrl-C here stops everything\n",
                global_.data.empty() ? "" : (" --data " + global_.data).c_str());
    std::fflush(stdout);
    return {};
  }

  Result<void> supervise() {
    while (true) {
      LUTHIER_TRY(const bool stop, supervisor_.attend(kAttend));
      if (stop) {
        std::printf("stopping\n");
        std::fflush(stdout);
        return {};
      }
    }
  }

  void stop_everything() {
    if (!supervisor_.stop_all(kProgramsStop)) {
      std::fprintf(stderr, "luthier: not all programs ended in time; killing them\n");
    }
    if (url_.empty()) {
      return;  // our controller never had this data folder: what runs there is another's
    }
    if (await_no_leftovers(SIGTERM, true, kStepsStopMs) || await_no_leftovers(SIGKILL, false, kStepsKillMs)) {
      return;
    }
    std::fprintf(stderr, "luthier: some processes of steps could not be ended; see %s\n", agents_folder().c_str());
  }

  // Signals what steps left running until nothing is left (true) or the time is over.
  bool await_no_leftovers(int signal, bool once, std::int64_t time_ms) {
    const std::int64_t deadline_ms = clock_.now().monotonic_ms + time_ms;
    for (bool first = true;; first = false) {
      const std::vector<Leftover> left = find_leftovers(agents_folder());
      if (left.empty()) {
        return true;
      }
      if (clock_.now().monotonic_ms >= deadline_ms) {
        return false;
      }
      for (const Leftover& leftover : left) {
        // A shim that is asked ends its step in order; the step itself is only ever killed.
        if ((!once || first) && (leftover.shim || signal == SIGKILL)) {
          signal_leftover(leftover, agents_folder(), signal);
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  const GlobalOptions global_;
  const UpOptions options_;
  const fs::path data_;
  const SystemClock clock_;
  fs::path bin_;
  std::string url_;
  std::string grpc_address_;
  bool owns_url_ = false;
  Supervisor supervisor_{clock_};
};

}  // namespace

int up_command(const GlobalOptions& options, const UpOptions& given) {
  block_signals();
  const Result<void> done = Up(options, given).run();
  if (!done) {
    static_cast<void>(report(done.error()));
    return kExitFailure;
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
