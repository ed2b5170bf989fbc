#include "agents/link/control_link.h"

#include <atomic>

#include "agents/link/convert.h"

namespace luthier::agents {
namespace {

constexpr std::size_t kMessagesMax = 4'096;
constexpr milliseconds kWelcomeTimeout{10'000};

}  // namespace

ControlLink::ControlLink(Session session, HelloFacts facts, Log& log, Events events)
    : session_(std::move(session)),
      facts_(std::move(facts)),
      log_(log),
      events_(std::move(events)),
      stub_(v1::AgentService::NewStub(open_channel(session_.controller))) {}

void ControlLink::start() {
  thread_ = std::thread([this] { run(); });
}

void ControlLink::stop() {
  stopping_.set();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void ControlLink::send(const Report& report) {
  std::shared_ptr<Queue> queue;
  {
    const std::lock_guard lock(mutex_);
    queue = queue_;
  }
  if (queue && !queue->try_push(to_proto(report))) {
    queue->close();  // too far behind: a new stream starts clean, and the core repeats what counts
  }
}

void ControlLink::set_queue(std::shared_ptr<Queue> queue) {
  const std::lock_guard lock(mutex_);
  queue_ = std::move(queue);
}

void ControlLink::run() {
  Backoff backoff(std::hash<std::string>{}(session_.agent_id));
  while (!stopping_.is_set()) {
    if (connect_once()) {
      backoff.reset();
    }
    if (stopping_.wait(backoff.next())) {
      return;
    }
  }
}

v1::ConnectRequest ControlLink::hello() const {
  v1::ConnectRequest message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_id(session_.agent_id);
  hello.set_name(facts_.name);
  hello.set_version(facts_.version);
  hello.set_boot_id(facts_.boot_id);
  *hello.mutable_resources() = to_proto(facts_.devices);
  for (const HeldAttempt& held : events_.held()) {
    *hello.add_held() = to_proto(held);
  }
  return message;
}

bool ControlLink::connect_once() {
  Call call(session_, milliseconds(0), stopping_);
  const auto stream = stub_->Connect(call.context());
  const auto queue = std::make_shared<Queue>(kMessagesMax);
  Cancel welcomed;
  std::atomic<std::int64_t> interval_ms{0};
  v1::ConnectResponse response;
  bool greeted = stream->Write(hello());
  std::thread writer([&] { write_all(*stream, *call.context(), *queue, welcomed, interval_ms); });
  greeted = greeted && stream->Read(&response) && response.has_welcome();
  if (greeted) {
    const std::uint64_t epoch = response.welcome().epoch();
    interval_ms = std::max<std::int64_t>(100, response.welcome().heartbeat_interval_ms());
    welcomed.set();
    set_queue(queue);
    log_.info("connected", {{"controller", session_.controller}, {"epoch", std::to_string(epoch)}});
    events_.input(Connected{});
    while (stream->Read(&response)) {
      take(response, epoch);
    }
    set_queue(nullptr);
    events_.input(Disconnected{});
  }
  queue->close();
  call.context()->TryCancel();
  writer.join();
  const grpc::Status status = stream->Finish();
  if (!stopping_.is_set()) {
    log_.warning(greeted ? "disconnected" : "cannot_connect",
                 {{"controller", session_.controller}, {"why", status.error_message()}});
  }
  return greeted;
}

void ControlLink::write_all(Stream& stream, grpc::ClientContext& context, Queue& queue, const Cancel& welcomed,
                            const std::atomic<std::int64_t>& interval_ms) {
  for (milliseconds waited{0}; !welcomed.wait(milliseconds(50)); waited += milliseconds(50)) {
    if (queue.is_closed()) {
      return;
    }
    if (waited > kWelcomeTimeout) {
      context.TryCancel();
      return;
    }
  }
  const auto interval = std::chrono::milliseconds(interval_ms.load());
  auto due = std::chrono::steady_clock::now();
  std::uint64_t sequence = 0;
  while (!queue.is_closed()) {
    const auto now = std::chrono::steady_clock::now();
    v1::ConnectRequest message;
    if (now >= due) {
      message.mutable_heartbeat()->set_sequence(++sequence);
      due = now + interval;
    } else {
      auto next = queue.pop(std::chrono::duration_cast<milliseconds>(due - now) + milliseconds(1));
      if (!next) {
        continue;
      }
      message = std::move(*next);
    }
    if (!stream.Write(message)) {
      break;
    }
  }
  context.TryCancel();  // the reader ends too
}

void ControlLink::take(const v1::ConnectResponse& command, std::uint64_t epoch) {
  const std::uint64_t of_command = command.has_start_attempt()  ? command.start_attempt().epoch()
                                   : command.has_stop_attempt() ? command.stop_attempt().epoch()
                                                                : epoch;
  auto input = from_proto(command);
  if (!input || of_command < epoch) {
    log_.warning("command_ignored", {{"why", input ? "it is of an older epoch" : input.error().message}});
    return;
  }
  events_.input(std::move(*input));
}

}  // namespace luthier::agents
