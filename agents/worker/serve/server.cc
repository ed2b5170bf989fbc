#include "agents/worker/serve/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace luthier::worker {
namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kRunningMax = 64;
constexpr std::size_t kWaitingMax = 256;
constexpr std::size_t kLineBytesMax = std::size_t{2} << 20;
constexpr std::size_t kUnsentBytesMax = std::size_t{256} << 10;
constexpr int kIdlePollMilliseconds = 200;

struct Running {
  std::string id;
  std::unique_ptr<Answer> answer;
};

struct Connection {
  explicit Connection(UniqueFd fd) : socket(std::move(fd)) {}

  [[nodiscard]] bool uses(const std::string& id) const {
    return std::any_of(running.begin(), running.end(), [&](const Running& r) { return r.id == id; }) ||
           std::any_of(waiting.begin(), waiting.end(), [&](const GenerateRequest& r) { return r.id == id; });
  }

  UniqueFd socket;
  std::string incoming;
  std::string unsent;
  std::list<Running> running;
  std::deque<GenerateRequest> waiting;
  bool closed = false;
};

Error socket_error(const std::string& what) { return {ErrorCode::kInternal, what + ": " + std::strerror(errno)}; }

}  // namespace

class Server::Loop {
 public:
  Loop(UniqueFd listener, std::filesystem::path path, Answerer& answerer)
      : listener_(std::move(listener)), path_(std::move(path)), answerer_(answerer) {}
  ~Loop() { ::unlink(path_.c_str()); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Result<void> run(const std::function<bool()>& stop_requested) {
    while (!stop_requested()) {
      LUTHIER_TRY_VOID(wait());
      for (Connection& connection : connections_) {
        start_waiting(connection);
        make_tokens(connection);
        write_unsent(connection);
      }
      connections_.remove_if([](const Connection& connection) { return connection.closed; });
    }
    return {};
  }

 private:
  [[nodiscard]] static bool may_work(const Connection& connection) {
    return !connection.running.empty() && connection.unsent.size() < kUnsentBytesMax;
  }

  // Returns at once when there are tokens to make.
  Result<void> wait() {
    std::vector<pollfd> fds{{listener_.get(), short{POLLIN}, 0}};
    bool busy = false;
    for (const Connection& connection : connections_) {
      const short writes = connection.unsent.empty() ? short{0} : short{POLLOUT};
      fds.push_back({connection.socket.get(), static_cast<short>(POLLIN | writes), 0});
      busy = busy || may_work(connection);
    }
    if (::poll(fds.data(), fds.size(), busy ? 0 : kIdlePollMilliseconds) < 0 && errno != EINTR) {
      return socket_error("poll");
    }
    std::size_t index = 1;
    for (Connection& connection : connections_) {
      if ((fds[index++].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_lines(connection);
      }
    }
    if ((fds[0].revents & POLLIN) != 0) {
      accept_one();
    }
    return {};
  }

  void accept_one() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.valid() && connections_.size() < kConnectionsMax) {
      connections_.emplace_back(std::move(socket));
    }
  }

  void read_lines(Connection& connection) {
    std::array<char, 65'536> buffer;
    const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
      connection.closed = true;  // nobody is left to answer
      connection.running.clear();
      return;
    }
    if (count < 0) {
      return;
    }
    connection.incoming.append(buffer.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = connection.incoming.find('\n', begin)) != std::string::npos; begin = end + 1) {
      take_line(connection, std::string_view(connection.incoming).substr(begin, end - begin));
    }
    connection.incoming.erase(0, begin);
    if (connection.incoming.size() > kLineBytesMax) {
      connection.closed = true;
      connection.running.clear();
    }
  }

  void take_line(Connection& connection, std::string_view line) {
    auto parsed = parse_request(line);
    if (const auto* error = std::get_if<RequestError>(&parsed)) {
      connection.unsent += error_line(error->id, "invalid_request", error->message);
      return;
    }
    auto& request = std::get<Request>(parsed);
    if (const auto* cancel = std::get_if<CancelRequest>(&request)) {
      cancel_one(connection, cancel->id);
      return;
    }
    auto& generate = std::get<GenerateRequest>(request);
    if (connection.uses(generate.id)) {
      connection.unsent += error_line(generate.id, "invalid_request", "a request of this id is running");
    } else if (waiting_count() >= kWaitingMax) {
      connection.unsent += error_line(generate.id, "overloaded", "too many requests are waiting: try again later");
    } else {
      connection.waiting.push_back(std::move(generate));
    }
  }

  // Nothing is said about an id that is not there: its answer may have ended while the cancel was on its way.
  static void cancel_one(Connection& connection, const std::string& id) {
    for (auto running = connection.running.begin(); running != connection.running.end(); ++running) {
      if (running->id == id) {
        connection.unsent += done_line(id, "cancelled", running->answer->usage());
        connection.running.erase(running);
        return;
      }
    }
    if (std::erase_if(connection.waiting, [&](const GenerateRequest& request) { return request.id == id; }) > 0) {
      connection.unsent += done_line(id, "cancelled", {});
    }
  }

  [[nodiscard]] std::size_t waiting_count() const {
    std::size_t count = 0;
    for (const Connection& connection : connections_) {
      count += connection.waiting.size();
    }
    return count;
  }

  [[nodiscard]] std::size_t running_count() const {
    std::size_t count = 0;
    for (const Connection& connection : connections_) {
      count += connection.running.size();
    }
    return count;
  }

  // One a round and connection, because the first token of a long prompt takes a while.
  void start_waiting(Connection& connection) {
    if (connection.waiting.empty() || running_count() >= kRunningMax) {
      return;
    }
    const GenerateRequest request = std::move(connection.waiting.front());
    connection.waiting.pop_front();
    auto answer = answerer_.start(request);
    if (answer) {
      connection.running.push_back({request.id, std::move(*answer)});
      return;
    }
    const bool too_long = answer.error().code == ErrorCode::kResourceExhausted;
    connection.unsent +=
        error_line(request.id, too_long ? "context_length_exceeded" : "invalid_request", answer.error().message);
  }

  static void make_tokens(Connection& connection) {
    if (!may_work(connection)) {
      return;
    }
    for (auto running = connection.running.begin(); running != connection.running.end();) {
      auto piece = running->answer->next();
      if (!piece) {
        connection.unsent += error_line(running->id, "internal", piece.error().message);
        running = connection.running.erase(running);
        continue;
      }
      if (!piece->text.empty()) {
        connection.unsent += delta_line(running->id, piece->text);
      }
      if (piece->finish_reason.has_value()) {
        connection.unsent += done_line(running->id, *piece->finish_reason, running->answer->usage());
        running = connection.running.erase(running);
        continue;
      }
      ++running;
    }
  }

  static void write_unsent(Connection& connection) {
    while (!connection.unsent.empty() && !connection.closed) {
      const ssize_t count =
          ::send(connection.socket.get(), connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        connection.closed = errno != EAGAIN;
        return;
      }
      connection.unsent.erase(0, static_cast<std::size_t>(count));
    }
  }

  const UniqueFd listener_;
  const std::filesystem::path path_;
  Answerer& answerer_;
  std::list<Connection> connections_;
};

Server::Server(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(const std::filesystem::path& socket_path, Answerer& answerer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket_path.string();
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kInvalidArgument, "the serving socket's path '" + path + "' must have 1 to " +
                                                  std::to_string(sizeof(address.sun_path) - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (!listener.valid() || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener.get(), 64) != 0) {
    return socket_error("listening on " + path);
  }
  return std::unique_ptr<Server>(new Server(std::make_unique<Loop>(std::move(listener), socket_path, answerer)));
}

Result<void> Server::run(const std::function<bool()>& stop_requested) { return loop_->run(stop_requested); }

}  // namespace luthier::worker
