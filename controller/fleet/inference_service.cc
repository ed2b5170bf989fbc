#include "controller/fleet/inference_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "controller/fleet/bidi_stream.h"
#include "controller/fleet/convert.h"
#include "controller/fleet/refused_stream.h"
#include "controller/fleet/rpc.h"

namespace luthier::fleet {

namespace {

constexpr std::size_t kOutboxMax = 4096;
constexpr int kCreditsMax = 1024;  // what one stream may be trusted with

using AttachStreamBase = BidiStream<v1::AttachRequest, v1::AttachResponse>;

ErrorCode code_from(const std::string& code) {
  if (code == "invalid_argument") {
    return ErrorCode::kInvalidArgument;
  }
  if (code == "unavailable" || code == "not_serving") {
    return ErrorCode::kUnavailable;
  }
  if (code == "resource_exhausted") {
    return ErrorCode::kResourceExhausted;
  }
  return ErrorCode::kInternal;
}

class AttachStream final : public AttachStreamBase, public controller::InferenceLink {
 public:
  AttachStream(grpc::CallbackServerContext& call, controller::InferenceRouter& router, Log& log, AgentId agent)
      : AttachStreamBase(call, kOutboxMax), router_(router), log_(log), agent_(std::move(agent)) {}

  void send_generate(std::uint64_t id, const AttemptId& deployment, const std::string& request_json) override {
    v1::AttachResponse response;
    response.mutable_generate()->set_request_id(id);
    *response.mutable_generate()->mutable_deployment() = to_proto(deployment);
    response.mutable_generate()->set_request_json(request_json);
    send(std::move(response));  // when it cannot be sent the stream ends, and detach() answers the request
  }

  void send_cancel(std::uint64_t id) override {
    v1::AttachResponse response;
    response.mutable_cancel()->set_request_id(id);
    send(std::move(response));
  }

  void end() override { close({grpc::StatusCode::UNAVAILABLE, "the controller is stopping"}); }

 private:
  void on_message(const v1::AttachRequest& message) override {
    if (!greeted_) {
      greet(message);
      return;
    }
    switch (message.message_case()) {
      case v1::AttachRequest::kToken:
        router_.token(agent_, this, message.token().request_id(), message.token().text());
        break;
      case v1::AttachRequest::kDone:
        router_.done(agent_, this, message.done().request_id(), message.done().finish_reason(),
                     message.done().prompt_tokens(), message.done().completion_tokens());
        break;
      case v1::AttachRequest::kFailure:
        router_.failed(agent_, this, message.failure().request_id(),
                       Error{code_from(message.failure().code()), message.failure().message()});
        break;
      case v1::AttachRequest::kHello:
      case v1::AttachRequest::MESSAGE_NOT_SET: break;
    }
  }

  void on_end() override {
    router_.detach(agent_, this);
    log_.info("inference_detached", {{"agent", agent_.value}});
  }

  void greet(const v1::AttachRequest& message) {
    if (!message.has_hello()) {
      close({grpc::StatusCode::FAILED_PRECONDITION, "the first message of this stream must be AttachHello"});
      return;
    }
    if (message.hello().agent_id() != agent_.value) {
      close({grpc::StatusCode::PERMISSION_DENIED, "the credential is of agent '" + agent_.value +
                                                      "', but AttachHello says '" + message.hello().agent_id() + "'"});
      return;
    }
    greeted_ = true;
    router_.attach(agent_, std::static_pointer_cast<AttachStream>(shared_from_this()),
                   std::clamp(message.hello().credits(), 1, kCreditsMax));
    log_.info("inference_attached", {{"agent", agent_.value}});
  }

  controller::InferenceRouter& router_;
  Log& log_;
  const AgentId agent_;
  bool greeted_ = false;
};

}  // namespace

grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* InferenceService::Attach(
    grpc::CallbackServerContext* call) {
  Result<AgentId> agent = authenticate_agent(*call, store_);
  if (!agent) {
    return new RefusedStream<v1::AttachRequest, v1::AttachResponse>(to_status(agent.error()));
  }
  const auto stream = std::make_shared<AttachStream>(*call, router_, log_, std::move(agent).value());
  stream->begin();
  return stream.get();
}

}  // namespace luthier::fleet
