#include "agents/link/inference_link.h"

#include "agents/link/convert.h"
#include "agents/link/serve_connection.h"

namespace luthier::agents {
namespace {

constexpr int kCredits = 64;
constexpr std::size_t kMessagesMax = 1'024;
constexpr milliseconds kWriterPatience{1'000};

using Queue = Outbox<v1::AttachRequest>;

v1::AttachRequest failure(std::uint64_t request, const std::string& code, const std::string& message) {
  v1::AttachRequest out;
  out.mutable_failure()->set_request_id(request);
  out.mutable_failure()->set_code(code);
  out.mutable_failure()->set_message(message);
  return out;
}

// Sends into `queue`; false of a closed queue needs no care: the stream's end has cancelled everything.
ServeEvents events_into(const std::shared_ptr<Queue>& queue) {
  ServeEvents events;
  events.token = [queue](std::uint64_t request, std::string text) {
    v1::AttachRequest out;
    out.mutable_token()->set_request_id(request);
    out.mutable_token()->set_text(std::move(text));
    static_cast<void>(queue->push(std::move(out)));
  };
  events.done = [queue](std::uint64_t request, std::string reason, std::int64_t prompt_tokens,
                        std::int64_t completion_tokens) {
    v1::AttachRequest out;
    out.mutable_done()->set_request_id(request);
    out.mutable_done()->set_finish_reason(std::move(reason));
    out.mutable_done()->set_prompt_tokens(prompt_tokens);
    out.mutable_done()->set_completion_tokens(completion_tokens);
    static_cast<void>(queue->push(std::move(out)));
  };
  events.failure = [queue](std::uint64_t request, const std::string& code, const std::string& message) {
    static_cast<void>(queue->push(failure(request, code, message)));
  };
  return events;
}

}  // namespace

InferenceLink::InferenceLink(Session session, Log& log, FindSocket find_socket)
    : session_(std::move(session)),
      log_(log),
      find_socket_(std::move(find_socket)),
      stub_(v1::InferenceService::NewStub(open_channel(session_.controller))) {}

InferenceLink::~InferenceLink() { stop(); }

void InferenceLink::start() {
  thread_ = std::thread([this] { run(); });
}

void InferenceLink::stop() {
  stopping_.set();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void InferenceLink::run() {
  Backoff backoff(std::hash<std::string>{}(session_.agent_id) + 2);
  while (!stopping_.is_set()) {
    if (attach_once()) {
      backoff.reset();
    }
    if (stopping_.wait(backoff.next())) {
      return;
    }
  }
}

bool InferenceLink::attach_once() {
  Call call(session_, milliseconds(0), stopping_);
  const auto stream = stub_->Attach(call.context());
  const auto queue = std::make_shared<Queue>(kMessagesMax);
  v1::AttachRequest hello;
  hello.mutable_hello()->set_agent_id(session_.agent_id);
  hello.mutable_hello()->set_credits(kCredits);
  const bool open = stream->Write(hello);
  std::thread writer([&] {
    while (open && !queue->is_closed()) {
      const auto message = queue->pop(kWriterPatience);
      if (message && !stream->Write(*message)) {
        break;
      }
    }
    call.context()->TryCancel();  // the reader ends too
  });
  bool any = false;
  v1::AttachResponse response;
  while (open && stream->Read(&response)) {
    any = true;
    if (response.has_generate()) {
      generate(response.generate(), queue);
    } else if (response.has_cancel()) {
      cancel(response.cancel().request_id());
    }
  }
  queue->close();
  writer.join();
  connections_.clear();  // closing a connection cancels what runs on it
  const grpc::Status status = stream->Finish();
  if (any && !stopping_.is_set()) {
    log_.warning("inference_detached", {{"why", status.error_message()}});
  }
  return any;
}

void InferenceLink::forget_dead_connections() {
  std::erase_if(connections_, [](const auto& entry) { return entry.second->ended(); });
}

void InferenceLink::generate(const v1::Generate& request, const std::shared_ptr<Queue>& queue) {
  forget_dead_connections();
  const AttemptId attempt = from_proto(request.deployment());
  const std::uint64_t id = request.request_id();
  Json line = Json::parse(request.request_json(), nullptr, false);
  if (!line.is_object()) {
    static_cast<void>(queue->push(failure(id, "invalid_request", "the request is not a JSON object")));
    return;
  }
  auto found = connections_.find(attempt);
  if (found == connections_.end()) {
    const auto path = find_socket_(attempt);
    auto socket = path ? shim::connect_unix(*path)
                       : Result<UniqueFd>(Error{ErrorCode::kNotFound, to_string(attempt) + " does not serve here"});
    if (!socket) {
      static_cast<void>(queue->push(failure(id, "unavailable", socket.error().message)));
      return;
    }
    found =
        connections_.emplace(attempt, std::make_shared<ServeConnection>(std::move(*socket), events_into(queue))).first;
  }
  if (!found->second->generate(id, std::move(line))) {
    static_cast<void>(queue->push(failure(id, "worker_lost", "the process that served this model has just ended")));
  }
}

void InferenceLink::cancel(std::uint64_t request_id) {
  for (const auto& [attempt, connection] : connections_) {
    connection->cancel(request_id);
  }
}

}  // namespace luthier::agents
