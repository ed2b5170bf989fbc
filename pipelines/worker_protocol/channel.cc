#include "pipelines/worker_protocol/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::worker_protocol {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// Control messages are a few words; a peer that sends more in one line is not speaking this protocol.
constexpr std::size_t kControlLineBytesMax = 64 * 1024;

std::string to_line(const Json& message) { return message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json finite_values(const std::map<std::string, double>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) {
    if (std::isfinite(value)) {
      json[name] = value;
    }
  }
  return json;
}

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kInvalidArgument, "the socket path " + path + " is longer than " +
                                                  std::to_string(sizeof(address.sun_path) - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Error{ErrorCode::kUnavailable, "connecting to " + path + ": " + std::strerror(errno)};
  }
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) {
    return Error{ErrorCode::kInternal, "making the socket non-blocking: " + std::string(std::strerror(errno))};
  }
  return socket;
}

}  // namespace

// Either a socket with its thread, or (no socket) stdout.
class Channel::Connection {
 public:
  Connection(Options options, UniqueFd socket, UniqueFd wake)
      : options_(std::move(options)), socket_(std::move(socket)), wake_(std::move(wake)) {
    if (socket_.valid()) {
      thread_ = std::thread([this] { run(); });
    }
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ~Connection() {
    if (thread_.joinable()) {
      (void)flush();
      closing_ = true;
      wake_up();
      thread_.join();
    }
  }

  Result<void> send(const Json& message) {
    const std::string line = to_line(message);
    std::unique_lock lock(mutex_);
    if (!socket_.valid()) {
      return write_all(STDOUT_FILENO, line);
    }
    const auto has_room = [&] { return broken_ || queue_.size() < options_.queue_lines_max; };
    if (!changed_.wait_for(lock, options_.send_timeout, has_room)) {
      broken_ = true;
    }
    if (broken_) {
      return Error{ErrorCode::kUnavailable, "the agent's side of the socket is gone"};
    }
    queue_.push_back(line);
    lock.unlock();
    wake_up();
    return {};
  }

  void send_progress(const Progress& progress) {
    Json message = {{"type", "progress"}, {"done", progress.done}};
    const auto put = [&](const char* name, const auto& value) {
      if (value.has_value()) {
        message[name] = *value;
      }
    };
    put("total", progress.total);
    put("tokens_per_second", progress.tokens_per_second);
    put("loss", progress.loss);
    put("eta_seconds", progress.eta_seconds);
    if (!progress.unit.empty()) {
      message["unit"] = progress.unit;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    const bool last = progress.total.has_value() && progress.done >= *progress.total;
    std::unique_lock lock(mutex_);
    const bool soon = last_progress_.has_value() && now - *last_progress_ < options_.progress_interval;
    if (broken_ || (soon && !last)) {
      return;
    }
    last_progress_ = now;
    if (!socket_.valid()) {
      (void)write_all(STDOUT_FILENO, to_line(message));
      return;
    }
    pending_progress_ = to_line(message);
    lock.unlock();
    wake_up();
  }

  // Waits until everything queued so far is written.
  Result<void> flush() {
    std::unique_lock lock(mutex_);
    const auto written = [&] { return broken_ || (queue_.empty() && pending_progress_.empty() && !writing_); };
    if (!socket_.valid()) {
      return {};
    }
    if (!changed_.wait_for(lock, options_.send_timeout, written)) {
      broken_ = true;
    }
    if (broken_) {
      return Error{ErrorCode::kUnavailable, "the agent's side of the socket is gone"};
    }
    return {};
  }

  [[nodiscard]] bool stop_requested() const { return stop_requested_; }
  void request_stop() { stop_requested_ = true; }
  bool take_checkpoint_request() { return checkpoint_requested_.exchange(false); }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  void wake_up() {
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof(one));  // a full counter wakes just as well
  }

  void run() {
    SteadyTime last_sent = std::chrono::steady_clock::now();
    std::string line;         // being written
    std::size_t written = 0;  // of `line`
    while (!closing_ && !broken_) {
      if (line.empty()) {
        take_line(line, last_sent);
        written = 0;
      }
      wait_for_work(!line.empty(), last_sent);
      if (!line.empty() && write_some(line, written)) {
        last_sent = std::chrono::steady_clock::now();
        line.clear();
        const std::lock_guard lock(mutex_);
        writing_ = false;
      }
      read_control();
      notify();
    }
  }

  // Under the lock, so that a sender between its check and its sleep is not missed.
  void notify() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

  void take_line(std::string& line, SteadyTime last_sent) {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) {
      line = std::move(queue_.front());
      queue_.pop_front();
    } else if (!pending_progress_.empty()) {
      line = std::exchange(pending_progress_, {});
    } else if (std::chrono::steady_clock::now() - last_sent >= options_.heartbeat_interval) {
      line = to_line({{"type", "heartbeat"}});
    }
    writing_ = !line.empty();
  }

  void wait_for_work(bool want_write, SteadyTime last_sent) {
    const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(last_sent + options_.heartbeat_interval -
                                                                            std::chrono::steady_clock::now());
    const int timeout_ms = want_write ? 1'000 : static_cast<int>(std::max<std::int64_t>(idle.count(), 0) + 1);
    const short events = want_write ? short{POLLIN | POLLOUT} : short{POLLIN};
    std::array<pollfd, 2> fds{pollfd{peer_closed_ ? -1 : socket_.get(), events, 0}, pollfd{wake_.get(), POLLIN, 0}};
    (void)::poll(fds.data(), fds.size(), timeout_ms);
    if ((fds[1].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      (void)!::read(wake_.get(), &count, sizeof(count));
    }
  }

  // True when the whole line is written.
  bool write_some(const std::string& line, std::size_t& written) {
    const ssize_t count = ::send(socket_.get(), line.data() + written, line.size() - written, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        broken_ = true;
      }
      return false;
    }
    written += static_cast<std::size_t>(count);
    return written == line.size();
  }

  void read_control() {
    std::array<char, 4096> buffer;
    while (!peer_closed_) {
      const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0 && errno == EAGAIN) {
        return;
      }
      if (count <= 0) {
        peer_closed_ = true;
        broken_ = true;
        return;
      }
      control_.append(buffer.data(), static_cast<std::size_t>(count));
      handle_control_lines();
    }
  }

  void handle_control_lines() {
    std::size_t end = 0;
    while ((end = control_.find('\n')) != std::string::npos) {
      const Json message = Json::parse(control_.substr(0, end), nullptr, /*allow_exceptions=*/false);
      control_.erase(0, end + 1);
      const auto type = message.is_object() ? message.find("type") : message.end();
      if (!message.is_object() || type == message.end()) {
        continue;
      }
      if (*type == "stop") {
        stop_requested_ = true;
      } else if (*type == "checkpoint_now") {
        checkpoint_requested_ = true;
      }
    }
    if (control_.size() > kControlLineBytesMax) {
      control_.clear();
    }
  }

  const Options options_;
  const UniqueFd socket_;  // invalid: stdout
  const UniqueFd wake_;

  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> checkpoint_requested_{false};
  std::atomic<bool> broken_{false};
  std::atomic<bool> closing_{false};

  std::mutex mutex_;  // guards the five below
  std::condition_variable changed_;
  std::deque<std::string> queue_;
  std::string pending_progress_;
  bool writing_ = false;  // the thread holds a line that is not yet written
  std::optional<SteadyTime> last_progress_;

  // Used by the thread alone.
  std::string control_;
  bool peer_closed_ = false;

  std::thread thread_;  // last: it uses all of the above
};

Channel::Channel(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Channel::~Channel() = default;

Result<std::unique_ptr<Channel>> Channel::open(Options options) {
  UniqueFd socket;
  UniqueFd wake;
  if (!options.socket_path.empty()) {
    LUTHIER_TRY(socket, connect_to(options.socket_path));
    wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) {
      return Error{ErrorCode::kResourceExhausted, "eventfd: " + std::string(std::strerror(errno))};
    }
  }
  const Json hello = {{"type", "hello"},
                      {"version", kProtocolVersion},
                      {"program", options.program},
                      {"pid", static_cast<std::int64_t>(::getpid())}};
  std::unique_ptr<Channel> channel(
      new Channel(std::make_unique<Connection>(std::move(options), std::move(socket), std::move(wake))));
  LUTHIER_TRY_VOID(channel->connection_->send(hello));
  return channel;
}

Result<std::unique_ptr<Channel>> Channel::open_from_environment(std::string program) {
  Options options;
  options.program = std::move(program);
  const char* path = std::getenv("LUTHIER_SOCKET");
  options.socket_path = path == nullptr ? "" : path;
  return open(std::move(options));
}

Result<void> Channel::metric(std::int64_t step, const std::map<std::string, double>& values) {
  return connection_->send({{"type", "metric"}, {"step", step}, {"values", finite_values(values)}});
}

void Channel::progress(const Progress& progress) { connection_->send_progress(progress); }

Result<void> Channel::checkpoint(std::int64_t step, std::string_view path,
                                 const std::map<std::string, double>& metrics) {
  return connection_->send(
      {{"type", "checkpoint"}, {"step", step}, {"path", path}, {"metrics", finite_values(metrics)}});
}

Result<void> Channel::ready() { return connection_->send({{"type", "ready"}}); }

Result<void> Channel::result(const Json& outputs) {
  LUTHIER_TRY_VOID(connection_->send({{"type", "result"}, {"outputs", outputs}}));
  return connection_->flush();
}

Result<void> Channel::error(FailureClass failure_class, std::string_view code, std::string_view message) {
  const char* name = failure_class == FailureClass::kUser ? "user" : "infrastructure";
  LUTHIER_TRY_VOID(connection_->send({{"type", "error"}, {"class", name}, {"code", code}, {"message", message}}));
  return connection_->flush();
}

bool Channel::stop_requested() const { return connection_->stop_requested(); }
void Channel::request_stop() { connection_->request_stop(); }
bool Channel::take_checkpoint_request() { return connection_->take_checkpoint_request(); }
bool Channel::broken() const { return connection_->broken(); }

Json artifact_output(std::string_view path, std::string_view kind) { return {{"$path", path}, {"kind", kind}}; }

}  // namespace luthier::worker_protocol
