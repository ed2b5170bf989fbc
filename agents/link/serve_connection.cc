#include "agents/link/serve_connection.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <charconv>

namespace luthier::agents {
namespace {

std::string text_of(const Json& message, const char* name) {
  const Json value = message.value(name, Json());
  return value.is_string() ? value.get<std::string>() : "";
}

std::int64_t number_of(const Json& object, const char* name) {
  const Json value = object.is_object() ? object.value(name, Json()) : Json();
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::string line_of(const Json& message) { return message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

ServeConnection::ServeConnection(UniqueFd socket, ServeEvents events)
    : socket_(std::move(socket)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      events_(std::move(events)),
      thread_([this] { run(); }) {}

ServeConnection::~ServeConnection() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake();
  thread_.join();
}

void ServeConnection::wake() { ::eventfd_write(wake_.get(), 1); }

bool ServeConnection::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool ServeConnection::generate(std::uint64_t id, Json request) {
  request["id"] = std::to_string(id);
  request["type"] = "generate";
  {
    const std::lock_guard lock(mutex_);
    if (ended_) {
      return false;
    }
    active_.insert(id);
    outgoing_ += line_of(request);
  }
  wake();
  return true;
}

void ServeConnection::cancel(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    if (!active_.contains(id)) {
      return;
    }
    outgoing_ += line_of({{"id", std::to_string(id)}, {"type", "cancel"}});
  }
  wake();
}

bool ServeConnection::forget(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return active_.erase(id) > 0;
}

void ServeConnection::run() {
  shim::LineBuffer lines(std::size_t{16} << 20);
  std::string buffer(std::size_t{1} << 16, '\0');
  std::string pending;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) {
        break;
      }
      pending += std::exchange(outgoing_, {});
    }
    if (!shim::send_some(socket_.get(), pending)) {
      break;
    }
    std::array<pollfd, 2> set{{{socket_.get(), static_cast<short>(pending.empty() ? POLLIN : POLLIN | POLLOUT), 0},
                               {wake_.get(), POLLIN, 0}}};
    ::poll(set.data(), set.size(), -1);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    std::size_t count = 0;
    const shim::ReadState state = shim::read_some(socket_.get(), buffer, count);
    if (state == shim::ReadState::kClosed) {
      break;
    }
    if (state == shim::ReadState::kData) {
      lines.feed(
          std::string_view(buffer).substr(0, count), [this](std::string_view line) { take_line(line); }, [] {});
    }
  }
  std::set<std::uint64_t> unfinished;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    unfinished.swap(active_);
    if (closing_) {
      unfinished.clear();  // nobody listens any more
    }
  }
  for (const std::uint64_t id : unfinished) {
    events_.failure(id, "worker_lost", "the process that served this model ended; try again");
  }
}

void ServeConnection::take_line(std::string_view line) {
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object()) {
    return;
  }
  const std::string id_text = text_of(message, "id");
  std::uint64_t id = 0;
  const auto [end, code] = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  if (code != std::errc() || end != id_text.data() + id_text.size()) {
    return;
  }
  const std::string type = text_of(message, "type");
  if (type == "delta") {
    events_.token(id, text_of(message, "text"));
  } else if (type == "done" && forget(id)) {
    const Json usage = message.value("usage", Json::object());
    events_.done(id, text_of(message, "finish_reason"), number_of(usage, "prompt_tokens"),
                 number_of(usage, "completion_tokens"));
  } else if (type == "error" && forget(id)) {
    events_.failure(id, text_of(message, "code"), text_of(message, "message"));
  }
}

}  // namespace luthier::agents
