#include "agents/run/follower.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "agents/shim/lock.h"
#include "agents/shim/process_tree.h"
#include "agents/shim/runtime_folder.h"

namespace luthier::agents {
namespace {

constexpr int kPollMs = 1'000;
constexpr std::chrono::milliseconds kRetryInterval(50);

std::string text_of(const Json& message, const char* name) {
  const Json value = message.value(name, Json());
  return value.is_string() ? value.get<std::string>() : "";
}

}  // namespace

ExitRecord make_exit_record(const Assignment& assignment, ExitRecord said, const shim::ExitFile& file) {
  said.recorded = true;
  said.exit_code = file.exit_code;
  said.signal = file.signal;
  said.out_of_memory = file.out_of_memory;
  said.usage.cpu_ms = file.cpu_ms;
  said.usage.peak_memory_bytes = file.peak_memory_bytes;
  const bool not_started = file.exit_code == 127 && !file.error.empty();
  const bool stopped_itself = !file.stopped_by.empty() && file.stopped_by != "agent";
  if (assignment.uses == "run") {
    said.error_class = FailureClass::kNone;  // its exit status alone decides
  }
  if (stopped_itself || (not_started && assignment.uses != "run")) {
    said.error_class = FailureClass::kInfrastructure;
    said.error_code = not_started && !stopped_itself        ? "start_failed"
                      : file.stopped_by == "spool"          ? "disk_full"
                      : file.stopped_by == "orphan_timeout" ? "orphaned"
                      : file.stopped_by == "lease"          ? "lease_expired"
                                                            : "shim_stopped";
    said.error_message = file.error;
  }
  return said;
}

Follower::Follower(Assignment assignment, std::filesystem::path attempt_folder, std::string nonce, SilenceLimits limits,
                   FollowerEvents events)
    : assignment_(std::move(assignment)),
      folder_(std::move(attempt_folder)),
      nonce_(std::move(nonce)),
      limits_(limits),
      events_(std::move(events)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Follower::~Follower() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

bool Follower::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_;
}

void Follower::stop_process(bool force, std::int64_t grace_ms) {
  {
    const std::lock_guard lock(mutex_);
    command_ = (force ? Json{{"type", "kill"}} : Json{{"type", "stop"}, {"grace_ms", grace_ms}}).dump() + "\n";
    command_sent_ = false;
  }
  ::eventfd_write(wake_.get(), 1);
}

std::string Follower::take_command() {
  const std::lock_guard lock(mutex_);
  const std::string lease = std::exchange(lease_sent_, true) ? "" : lease_;
  return lease + (std::exchange(command_sent_, true) ? "" : command_);
}

void Follower::renew_lease(Lease lease) {
  {
    const std::lock_guard lock(mutex_);
    lease_ = Json{{"type", "lease"}, {"stop_at_ms", lease.stop_at_ms}, {"kill_at_ms", lease.kill_at_ms}}.dump() + "\n";
    lease_sent_ = false;
  }
  ::eventfd_write(wake_.get(), 1);
}

void Follower::run() {
  while (!closing()) {
    const bool locked =
        shim::attempt_is_locked(folder_);  // before exit.json is looked for: it is written under the lock
    if (std::filesystem::exists(folder_ / shim::kExitFile)) {
      finish();
      return;
    }
    if (!locked) {
      finish_lost();
      return;
    }
    auto connection = shim::connect_unix(shim::runtime_folder_for(nonce_) / shim::kControlSocket);
    if (connection) {
      {
        const std::lock_guard lock(mutex_);
        command_sent_ = command_.empty();
        lease_sent_ = lease_.empty();
      }
      follow(std::move(*connection));
    } else {
      std::this_thread::sleep_for(kRetryInterval);
    }
  }
}

void Follower::follow(UniqueFd connection) {
  shim::LineBuffer lines(shim::kLineBytesMax);
  std::string buffer(std::size_t{1} << 16, '\0');
  std::string pending = "{\"type\":\"ping\"}\n";
  while (!closing()) {
    pending += take_command();
    if (!shim::send_some(connection.get(), pending)) {
      return;
    }
    std::array<pollfd, 2> set{{{connection.get(), static_cast<short>(pending.empty() ? POLLIN : POLLIN | POLLOUT), 0},
                               {wake_.get(), POLLIN, 0}}};
    if (::poll(set.data(), set.size(), kPollMs) == 0) {
      pending += "{\"type\":\"ping\"}\n";  // learns of silence
    }
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    std::size_t count = 0;
    switch (shim::read_some(connection.get(), buffer, count)) {
      case shim::ReadState::kClosed: return;
      case shim::ReadState::kNothing: continue;
      case shim::ReadState::kData: break;
    }
    lines.feed(
        std::string_view(buffer).substr(0, count), [this](std::string_view line) { take_status(line); }, [] {});
  }
}

void Follower::take_status(std::string_view line) {
  auto status = shim::status_from_json(Json::parse(line, nullptr, false));
  if (!status) {
    return;
  }
  read_messages();
  events_.spool_grew();
  if (status->progress.is_object() && status->progress != progress_) {
    progress_ = status->progress;
    events_.progress(progress_);
  }
  // A command need not talk at all.
  if (assignment_.uses != "run" && status->state == "running") {
    take_silence(status->silent_ms);
    take_stall(status->stalled_ms);
  }
}

// A preparation tells of its progress only at its end, and a served model has none.
void Follower::take_stall(std::int64_t stalled_ms) {
  const bool reports = assignment_.uses == "train" || assignment_.uses == "eval";
  if (reports && limits_.stall_ms > 0 && stalled_ms >= limits_.stall_ms && !stall_told_) {
    stall_told_ = true;
    events_.input(ProcessStalled{assignment_.attempt});
  }
}

void Follower::take_silence(std::int64_t silent_ms) {
  const std::int64_t last = silent_told_ms_;
  const bool noticed = silent_ms >= limits_.notice_ms && last == 0;
  const bool hung = limits_.hang_ms > 0 && silent_ms >= limits_.hang_ms && last < limits_.hang_ms;
  const bool speaks = silent_ms < limits_.notice_ms && last != 0;
  if (noticed || hung || speaks) {
    silent_told_ms_ = speaks ? 0 : silent_ms;
    events_.input(ProcessSilent{assignment_.attempt, silent_told_ms_});
  }
}

void Follower::read_messages() {
  if (!messages_.valid()) {
    messages_ = UniqueFd(::open((folder_ / shim::kSpoolMessages).c_str(), O_RDONLY | O_CLOEXEC));
  }
  std::string buffer(std::size_t{1} << 16, '\0');
  std::size_t count = 0;
  while (messages_.valid() && !closing() && shim::read_some(messages_.get(), buffer, count) == shim::ReadState::kData) {
    lines_.feed(
        std::string_view(buffer).substr(0, count), [this](std::string_view line) { take_message(line); }, [] {});
  }
}

void Follower::take_message(std::string_view line) {
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object()) {
    return;
  }
  const std::string type = text_of(message, "type");
  if (type == "ready") {
    events_.input(ProcessReady{assignment_.attempt});
  } else if (type == "checkpoint") {
    const Json step = message.value("step", Json());
    if (step.is_number_integer() && step.get<std::int64_t>() > 0) {
      events_.input(CheckpointSeen{assignment_.attempt, step.get<std::int64_t>(), text_of(message, "path"),
                                   message.value("metrics", Json::object())});
    }
  } else if (type == "result") {
    exit_.has_result = true;
    exit_.outputs = message.value("outputs", Json::object());
  } else if (type == "error") {
    exit_.error_class = text_of(message, "class") == "user" ? FailureClass::kUser : FailureClass::kInfrastructure;
    exit_.error_code = text_of(message, "code");
    exit_.error_message = text_of(message, "message");
  }
}

void Follower::finish() {
  read_messages();
  events_.spool_grew();
  auto file = shim::read_exit_file(folder_);
  if (!file) {  // written atomically, so the disk is at fault
    finish_lost();
    return;
  }
  if (closing()) {
    return;
  }
  events_.input(ProcessExited{assignment_.attempt, make_exit_record(assignment_, exit_, *file)});
  events_.input(ProcessTreeGone{assignment_.attempt});
}

void Follower::finish_lost() {
  auto started = shim::read_started_file(folder_);
  // Twice nothing in a row: what was forked while /proc was read is found by the second look.
  for (int empty_rounds = 0; empty_rounds < 2 && !closing();) {
    const std::size_t killed = shim::kill_leftovers(nonce_, started ? &started->process : nullptr);
    empty_rounds = killed == 0 ? empty_rounds + 1 : 0;
    std::this_thread::sleep_for(kRetryInterval);
  }
  shim::remove_runtime_folder(shim::runtime_folder_for(nonce_));
  read_messages();
  events_.spool_grew();
  if (closing()) {
    return;
  }
  exit_.recorded = false;
  exit_.exit_code = -1;
  events_.input(ProcessExited{assignment_.attempt, exit_});
  events_.input(ProcessTreeGone{assignment_.attempt});
}

}  // namespace luthier::agents
