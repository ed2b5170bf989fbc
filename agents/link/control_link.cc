#include "agents/link/control_link.h"

#include <atomic>

#include "agents/link/convert.h"

namespace luthier::agents {
namespace {

constexpr std::size_t kMessagesMax = 4'096;
constexpr milliseconds kWelcomeTimeout{10'000};
constexpr milliseconds kBackoffMax{2'000};
constexpr std::size_t kHeartbeatsMax = 1'000;  // not acknowledged
// Parts of a lease after which an exclusive step is asked to stop, and killed.
constexpr double kStopAfter = 0.6;
constexpr double kKillAfter = 0.85;

}  // namespace

ControlLink::ControlLink(Session session, HelloFacts facts, const Clock& clock, Log& log, Events events)
    : session_(std::move(session)),
      facts_(std::move(facts)),
      clock_(clock),
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

void ControlLink::drain(milliseconds deadline) {
  draining_ = true;
  v1::ConnectRequest message;
  message.mutable_draining()->set_deadline_ms(deadline.count());
  const std::lock_guard lock(mutex_);
  if (queue_) {
    static_cast<void>(queue_->try_push(std::move(message)));
  }
}

void ControlLink::renew_lease(std::int64_t sent_ms, std::int64_t lease_ms) {
  const auto after = [&](double part) {
    return sent_ms + static_cast<std::int64_t>(static_cast<double>(lease_ms) * part);
  };
  events_.input(LeaseRenewed{{after(kStopAfter), after(kKillAfter)}});
}

void ControlLink::set_queue(std::shared_ptr<Queue> queue) {
  const std::lock_guard lock(mutex_);
  queue_ = std::move(queue);
}

void ControlLink::run() {
  Backoff backoff(std::hash<std::string>{}(session_.agent_id), kBackoffMax);
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
  hello.mutable_labels()->insert(facts_.labels.begin(), facts_.labels.end());
  hello.set_draining(draining_);
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
  Sent sent;
  const std::int64_t hello_ms = clock_.now().monotonic_ms;
  bool greeted = stream->Write(hello());
  std::thread writer([&] { write_all(*stream, *call.context(), *queue, welcomed, interval_ms, sent); });
  greeted = greeted && stream->Read(&response) && response.has_welcome() && accepts(response.welcome().epoch());
  if (greeted) {
    const std::uint64_t epoch = response.welcome().epoch();
    interval_ms = std::max<std::int64_t>(100, response.welcome().heartbeat_interval_ms());
    welcomed.set();
    set_queue(queue);
    log_.info("connected", {{"controller", session_.controller}, {"epoch", std::to_string(epoch)}});
    const std::int64_t lease_ms = response.welcome().lease_ms();
    renew_lease(hello_ms, lease_ms);
    events_.input(Connected{});
    while (stream->Read(&response)) {
      if (response.has_heartbeat_acknowledged()) {
        take_acknowledged(response.heartbeat_acknowledged().sequence(), sent, lease_ms);
      } else {
        take(response, epoch);
      }
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

// Two controllers at one address, an old one and one on its restored backup, must not both move this agent.
bool ControlLink::accepts(std::uint64_t epoch) {
  if (epoch < newest_epoch_) {
    log_.error("controller_superseded",
               {{"controller", session_.controller},
                {"epoch", std::to_string(epoch)},
                {"newest_epoch", std::to_string(newest_epoch_)},
                {"what",
                 "not obeyed: a newer controller has taken over; stop the old one, or restart this agent if the "
                 "old one is to go on"}});
    return false;
  }
  newest_epoch_ = epoch;
  return true;
}

void ControlLink::write_all(Stream& stream, grpc::ClientContext& context, Queue& queue, const Cancel& welcomed,
                            const std::atomic<std::int64_t>& interval_ms, Sent& sent) {
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
      note_sent(sequence, sent);
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

// Before it is written, so that the lease is never longer than the controller's patience.
void ControlLink::note_sent(std::uint64_t sequence, Sent& sent) const {
  const std::lock_guard lock(sent.mutex);
  sent.at_ms[sequence] = clock_.now().monotonic_ms;
  if (sent.at_ms.size() > kHeartbeatsMax) {
    sent.at_ms.erase(sent.at_ms.begin());
  }
}

void ControlLink::take_acknowledged(std::uint64_t sequence, Sent& sent, std::int64_t lease_ms) {
  std::int64_t sent_ms = 0;
  {
    const std::lock_guard lock(sent.mutex);
    const auto found = sent.at_ms.find(sequence);
    if (found == sent.at_ms.end()) {
      return;
    }
    sent_ms = found->second;
    sent.at_ms.erase(sent.at_ms.begin(), std::next(found));
  }
  renew_lease(sent_ms, lease_ms);
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
