#include "agents/shim/shim.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "agents/shim/cgroup.h"
#include "agents/shim/connections.h"
#include "agents/shim/lock.h"
#include "agents/shim/process_tree.h"
#include "agents/shim/runtime_folder.h"
#include "agents/shim/spool.h"
#include "agents/shim/usage.h"
#include "agents/shim/whole_number.h"
#include "agents/shim/wires.h"
#include "base/child_process.h"
#include "base/file.h"

namespace luthier::shim {
namespace {

constexpr std::int64_t kSyncIntervalMs = 1'000;
constexpr std::int64_t kNotifyIntervalMs = 20;
constexpr std::int64_t kReapIntervalMs = 20;
constexpr std::int64_t kPollMaxMs = 60'000;
constexpr std::int64_t kFirstSampleMs = 20;        // steps may be short
constexpr std::int64_t kLimitIntervalMs = 1'000;   // where there is a limit to keep
constexpr std::int64_t kSampleIntervalMs = 5'000;  // where it is only noted

enum class Phase { kRunning, kStopping, kReaping, kEnded };

constexpr const char* kLeaseText = "the agent was out of touch with the controller for too long for an exclusive step";

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::kRunning: return "running";
    case Phase::kStopping: return "stopping";
    case Phase::kReaping: return "reaping";
    case Phase::kEnded: return "ended";
  }
  return "ended";
}

// What is kept, and where.
struct Files {
  UniqueFd lock;
  Spool log;
  Spool messages;
};

}  // namespace

class Shim::Loop {
 public:
  Loop(std::filesystem::path folder, const Clock& clock, Launch launch, Files files, Wires wires)
      : folder_(std::move(folder)),
        clock_(clock),
        launch_(std::move(launch)),
        files_(std::move(files)),
        wires_(std::move(wires)) {
    attended_ms_ = heard_ms_ = moved_ms_ = now_ms();
    sample_ms_ = now_ms() + kFirstSampleMs;
    lease_stop_ms_ = launch_.lease_stop_at_ms;
    lease_kill_ms_ = launch_.lease_kill_at_ms;
  }

  Result<void> run() {
    LUTHIER_TRY_VOID(start_step());
    while (phase_ != Phase::kEnded) {
      wait();
      take_signals_and_children();
      take_output();
      take_control();
      take_messages();
      check_deadlines();
      notify();
      reap();
    }
    return finish();
  }

 private:
  [[nodiscard]] std::int64_t now_ms() const { return clock_.now().monotonic_ms; }

  Result<void> start_step() {
    if (lease_stop_ms_ != 0 && now_ms() >= lease_stop_ms_) {
      wires_.output_write.reset();
      exit_.exit_code = 127;
      exit_.stopped_by = "lease";
      exit_.error = kLeaseText;
      phase_ = Phase::kEnded;
      return {};
    }
    make_cgroup();
    ChildOptions options;
    if (cgroup_) {
      options.cgroup_members = cgroup_->members();
    }
    options.argv = launch_.argv;
    options.environment = launch_.environment;
    options.environment.push_back(std::string(kNonceVariable) + "=" + launch_.nonce);
    options.workdir = launch_.workdir;
    options.stdout_fd = options.stderr_fd = wires_.output_write.get();
    options.new_session = true;
    options.parent_death_signal = SIGKILL;
    options.core_bytes_max = launch_.core_bytes_max;
    options.address_space_bytes_max = launch_.address_space_bytes_max;
    options.data_bytes_max = launch_.data_bytes_max;
    options.file_mode_mask = 022;
    options.user = launch_.user;
    auto pid = spawn_child(options);
    wires_.output_write.reset();
    if (!pid) {
      // As a shell would have it; the sentence is in the log too, where a person looks first.
      exit_.exit_code = 127;
      exit_.error = pid.error().message;
      phase_ = Phase::kEnded;
      return files_.log.append("luthier: " + exit_.error + "\n");
    }
    pid_ = *pid;
    auto identity = identify(pid_);
    const StartedFile started{identity ? *identity : ProcessIdentity{pid_, 0, read_boot_id()}, clock_.now().wall_ms};
    keep(replace_file(folder_ / kStartedFile, to_json(started).dump(), 0600));
    changed_ = true;
    return {};
  }

  // Without it the step runs all the same, watched by sample().
  void make_cgroup() {
    if (launch_.cgroup.empty()) {
      return;
    }
    auto made = Cgroup::create(launch_.cgroup, {launch_.memory_bytes_max.value_or(0), launch_.cpus_max});
    if (made) {
      cgroup_ = std::move(*made);
    } else {
      keep(files_.log.append("luthier: " + made.error().message + "; the step runs without it\n"));
    }
  }

  // --- waiting ---

  void wait() {
    std::vector<pollfd> set{{wires_.signals.get(), POLLIN, 0}};
    if (wires_.output.valid()) {
      set.push_back({wires_.output.get(), POLLIN, 0});
    }
    wires_.control.add_to(set);
    wires_.worker.add_to(set);
    ::poll(set.data(), set.size(), static_cast<int>(std::max<std::int64_t>(0, next_deadline_ms() - now_ms())));
  }

  [[nodiscard]] std::int64_t next_deadline_ms() const {
    std::int64_t next = now_ms() + kPollMaxMs;
    if (phase_ == Phase::kReaping) {
      next = std::min(next, now_ms() + kReapIntervalMs);
    }
    if (phase_ == Phase::kStopping) {
      next = std::min(next, kill_ms_);
    }
    if (phase_ == Phase::kRunning && launch_.orphan_timeout_ms > 0 && wires_.control.size() == 0) {
      next = std::min(next, attended_ms_ + launch_.orphan_timeout_ms);
    }
    if (phase_ == Phase::kRunning || phase_ == Phase::kStopping) {
      next = std::min(next, sample_ms_);
      if (lease_stop_ms_ != 0) {
        next = std::min(next, phase_ == Phase::kRunning ? lease_stop_ms_ : std::max(lease_kill_ms_, now_ms() + 1));
      }
    }
    if (files_.log.dirty() || files_.messages.dirty()) {
      next = std::min(next, synced_ms_ + kSyncIntervalMs);
    }
    if (changed_ && wires_.control.size() > 0) {
      next = std::min(next, notified_ms_ + kNotifyIntervalMs);
    }
    return next;
  }

  void check_deadlines() {
    const std::int64_t now = now_ms();
    if (wires_.control.size() > 0) {
      attended_ms_ = now;
    } else if (phase_ == Phase::kRunning && launch_.orphan_timeout_ms > 0 &&
               now >= attended_ms_ + launch_.orphan_timeout_ms) {
      stop("orphan_timeout", "no agent came for " + std::to_string(launch_.orphan_timeout_ms / 1000) + " s",
           launch_.grace_ms);
    }
    check_lease(now);
    sample(now);
    if (phase_ == Phase::kStopping && now >= kill_ms_) {
      kill_tree();
      kill_ms_ = now + kReapIntervalMs;  // what was forked meanwhile
    }
    if (now >= synced_ms_ + kSyncIntervalMs) {
      keep(files_.log.sync());
      keep(files_.messages.sync());
      synced_ms_ = now;
    }
  }

  void check_lease(std::int64_t now) {
    if (lease_stop_ms_ == 0) {
      return;
    }
    if (phase_ == Phase::kRunning && now >= lease_stop_ms_) {
      stop("lease", kLeaseText, lease_kill_ms_ - now);
    }
    if (phase_ == Phase::kStopping && now >= lease_kill_ms_) {
      kill_ms_ = std::min(kill_ms_, now);
    }
  }

  // What the process and all below it hold now. Without a cgroup this is also what keeps them to their promise.
  void sample(std::int64_t now) {
    if ((phase_ != Phase::kRunning && phase_ != Phase::kStopping) || now < sample_ms_) {
      return;
    }
    sample_ms_ = now + (launch_.memory_bytes_max ? kLimitIntervalMs : kSampleIntervalMs);
    const std::uint64_t bytes = memory_below(::getpid());
    exit_.peak_memory_bytes = std::max(exit_.peak_memory_bytes, bytes);
    if (phase_ == Phase::kRunning && launch_.memory_bytes_max && bytes > *launch_.memory_bytes_max) {
      exit_.out_of_memory = true;
      stop("memory",
           "it used " + std::to_string(bytes >> 20) + " MiB of memory, and asked for " +
               std::to_string(*launch_.memory_bytes_max >> 20) + " MiB",
           0);
    }
  }

  // --- the step's process ---

  void take_signals_and_children() {
    signalfd_siginfo info{};
    while (::read(wires_.signals.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      if (info.ssi_signo != SIGCHLD) {
        stop("signal", "the shim was told to stop", launch_.grace_ms);
      }
    }
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid == pid_) {
        exit_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        exit_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        phase_ = Phase::kReaping;
        changed_ = true;
      }
    }
  }

  void stop(const std::string& by, const std::string& error, std::int64_t grace_ms) {
    if (phase_ != Phase::kRunning && phase_ != Phase::kStopping) {
      return;
    }
    const std::int64_t kill_ms = now_ms() + std::max<std::int64_t>(0, grace_ms);
    if (phase_ == Phase::kRunning) {
      phase_ = Phase::kStopping;
      kill_ms_ = kill_ms;
      exit_.stopped_by = by;
      exit_.error = error;
      if (grace_ms > 0) {
        wires_.worker.send_to_all("{\"type\":\"stop\"}\n");
        ::kill(-pid_, SIGTERM);
      }
      changed_ = true;
    }
    kill_ms_ = std::min(kill_ms_, kill_ms);
  }

  void kill_tree() {
    if (cgroup_) {
      cgroup_->kill();
    }
    for (const pid_t pid : descendants_of(::getpid())) {
      ::kill(pid, SIGKILL);
    }
  }

  void reap() {
    if (phase_ == Phase::kReaping && kill_and_reap_descendants()) {
      phase_ = Phase::kEnded;
    }
  }

  // --- what it says ---

  // A step whose output cannot be kept is stopped: going on would lose it.
  void keep(const Result<void>& written) {
    if (!written) {
      exit_.error = exit_.error.empty() ? written.error().message : exit_.error;
      stop("spool", exit_.error, launch_.grace_ms);
    }
  }

  // Returns whether there may be more.
  bool take_output() {
    if (!wires_.output.valid()) {
      return false;
    }
    std::size_t count = 0;
    switch (read_some(wires_.output.get(), buffer_, count)) {
      case ReadState::kNothing: return false;
      case ReadState::kClosed: wires_.output.reset(); return false;
      case ReadState::kData: break;
    }
    keep(files_.log.append(std::string_view(buffer_).substr(0, count)));
    changed_ = true;
    return true;
  }

  bool take_messages() {
    return wires_.worker.turn({[this](std::size_t, std::string_view line) { take_message(line); },
                               [this] { keep(files_.messages.append("{\"type\":\"oversized_message\"}\n")); }});
  }

  void take_message(std::string_view line) {
    heard_ms_ = now_ms();
    const Json message = Json::parse(line, nullptr, false);
    const Json type = message.is_object() ? message.value("type", Json()) : Json();
    if (type == "heartbeat") {
      return;
    }
    changed_ = true;
    const bool same =
        type == "progress" && progress_.is_object() && message.value("done", Json()) == progress_.value("done", Json());
    moved_ms_ = same ? moved_ms_ : heard_ms_;
    if (type == "progress") {
      progress_ = message;
      return;
    }
    keep(files_.messages.append(line));
    keep(files_.messages.append("\n"));
    if (type != "metric") {
      keep(files_.messages.sync());  // others act on it
    }
  }

  // --- the agent ---

  void take_control() {
    const std::size_t before = wires_.control.size();
    wires_.control.turn({[this](std::size_t peer, std::string_view line) { take_command(peer, line); }, [] {}});
    changed_ = changed_ || wires_.control.size() > before;
  }

  void take_command(std::size_t peer, std::string_view line) {
    const Json message = Json::parse(line, nullptr, false);
    const Json type = message.is_object() ? message.value("type", Json()) : Json();
    if (type == "ping") {
      wires_.control.send(peer, status_line());
    } else if (type == "stop") {
      const Json grace = message.value("grace_ms", Json());
      stop("agent", "", grace.is_number_integer() ? grace.get<std::int64_t>() : launch_.grace_ms);
    } else if (type == "kill") {
      stop("agent", "", 0);
    } else if (type == "lease" && is_whole_number<std::int64_t>(message.value("stop_at_ms", Json())) &&
               is_whole_number<std::int64_t>(message.value("kill_at_ms", Json())) && lease_stop_ms_ != 0) {
      lease_stop_ms_ = std::max(lease_stop_ms_, message["stop_at_ms"].get<std::int64_t>());
      lease_kill_ms_ = std::max(lease_kill_ms_, message["kill_at_ms"].get<std::int64_t>());
    } else if (type == "checkpoint_now") {
      wires_.worker.send_to_all("{\"type\":\"checkpoint_now\"}\n");
    }
  }

  std::string status_line() const {
    const Status status{pid_,
                        name_of(phase_),
                        files_.log.bytes(),
                        files_.messages.bytes(),
                        now_ms() - heard_ms_,
                        now_ms() - moved_ms_,
                        progress_};
    return to_json(status).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  void notify() {
    if (!changed_ || wires_.control.size() == 0 || now_ms() < notified_ms_ + kNotifyIntervalMs) {
      return;
    }
    notified_ms_ = now_ms();
    changed_ = !wires_.control.send_to_idle(status_line());
    wires_.control.turn({[this](std::size_t peer, std::string_view line) { take_command(peer, line); }, [] {}});
  }

  // --- the end ---

  Result<void> finish() {
    while (take_output()) {
    }
    while (take_messages()) {
    }
    for (const Result<void>& synced : {files_.log.sync(), files_.messages.sync()}) {
      if (!synced && exit_.error.empty()) {
        exit_.error = synced.error().message;
      }
    }
    const Usage used = usage_of_children();
    exit_.cpu_ms = used.cpu_ms;
    exit_.peak_memory_bytes = std::max(exit_.peak_memory_bytes, used.peak_memory_bytes);
    if (cgroup_) {
      const Usage all = cgroup_->usage();
      exit_.cpu_ms = std::max(exit_.cpu_ms, all.cpu_ms);
      exit_.peak_memory_bytes = all.peak_memory_bytes > 0 ? all.peak_memory_bytes : exit_.peak_memory_bytes;
      exit_.out_of_memory = exit_.out_of_memory || cgroup_->was_out_of_memory();
      cgroup_->remove();
    }
    std::error_code ignored;
    std::filesystem::remove(folder_ / kReserveFile, ignored);  // makes room for the record on a full disk
    exit_.ended_wall_ms = clock_.now().wall_ms;
    auto written = write_file_atomically(folder_ / kExitFile, to_json(exit_).dump(), 0600);
    remove_runtime_folder(launch_.runtime_folder);
    return written;
  }

  const std::filesystem::path folder_;
  const Clock& clock_;
  const Launch launch_;
  Files files_;
  Wires wires_;
  Phase phase_ = Phase::kRunning;
  pid_t pid_ = 0;
  ExitFile exit_;
  Json progress_;
  bool changed_ = false;          // since the agent was told
  std::int64_t kill_ms_ = 0;      // while stopping: when KILL follows
  std::int64_t attended_ms_ = 0;  // last seen with an agent attached
  std::int64_t heard_ms_ = 0;     // last line from the step
  std::int64_t moved_ms_ = 0;     // last one that told of progress
  std::int64_t synced_ms_ = 0;
  std::int64_t notified_ms_ = 0;
  std::int64_t sample_ms_ = 0;      // when to look at its memory next
  std::int64_t lease_stop_ms_ = 0;  // 0: no lease
  std::int64_t lease_kill_ms_ = 0;
  std::optional<Cgroup> cgroup_;
  std::string buffer_ = std::string(std::size_t{1} << 18, '\0');
};

Shim::Shim(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Shim::~Shim() = default;

Result<std::unique_ptr<Shim>> Shim::create(const std::filesystem::path& attempt_folder, const Clock& clock) {
  LUTHIER_TRY(Launch launch, read_launch(attempt_folder));
  LUTHIER_TRY(UniqueFd lock, take_lock(attempt_folder));
  LUTHIER_TRY_VOID(create_folders(attempt_folder / "spool"));
  LUTHIER_TRY(Spool log, Spool::open(attempt_folder / kSpoolLog));
  LUTHIER_TRY(Spool messages, Spool::open(attempt_folder / kSpoolMessages));
  LUTHIER_TRY_VOID(replace_file(attempt_folder / kReserveFile, std::string(1 << 16, '\1'), 0600));
  LUTHIER_TRY(Wires wires, make_wires(launch));
  LUTHIER_TRY(ProcessIdentity self, identify(::getpid()));
  const ShimFile shim_file{std::move(self), launch.nonce};
  LUTHIER_TRY_VOID(write_file_atomically(attempt_folder / kShimFile, to_json(shim_file).dump(), 0600));
  auto loop = std::make_unique<Loop>(attempt_folder, clock, std::move(launch),
                                     Files{std::move(lock), std::move(log), std::move(messages)}, std::move(wires));
  return std::unique_ptr<Shim>(new Shim(std::move(loop)));
}

Result<void> Shim::run() { return loop_->run(); }

}  // namespace luthier::shim
