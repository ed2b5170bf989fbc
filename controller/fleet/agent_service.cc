#include "controller/fleet/agent_service.h"

#include <string>
#include <utility>

#include "base/digest/digest.h"
#include "controller/fleet/convert.h"
#include "controller/fleet/refused_stream.h"
#include "controller/fleet/rpc.h"

namespace luthier::fleet {

namespace {

constexpr std::size_t kOutboxMax = 4096;  // messages that one agent may be behind
constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kTokenBytesMax = 512;

class AgentStream final : public AgentStreamBase {
 public:
  AgentStream(grpc::CallbackServerContext& call, const AgentService::Context& context, AgentId agent)
      : AgentStreamBase(call, kOutboxMax), context_(context), agent_(std::move(agent)) {}

 private:
  void on_message(const v1::ConnectRequest& message) override {
    if (!greeted_) {
      greet(message);
    } else if (message.has_heartbeat()) {
      if (context_.table.heartbeat(agent_, this)) {
        v1::ConnectResponse answer;
        answer.mutable_heartbeat_acknowledged()->set_sequence(message.heartbeat().sequence());
        send(std::move(answer));
      }
    } else {
      report(message);
    }
  }

  void on_end() override { context_.table.disconnect(agent_, this); }

  void greet(const v1::ConnectRequest& message) {
    if (!message.has_hello()) {
      close({grpc::StatusCode::FAILED_PRECONDITION, "the first message of this stream must be Hello"});
      return;
    }
    if (message.hello().agent_id() != agent_.value) {
      close({grpc::StatusCode::PERMISSION_DENIED,
             "the credential is of agent '" + agent_.value + "', but Hello says '" + message.hello().agent_id() + "'"});
      return;
    }
    Result<core::AgentConnected> hello = from_proto(message.hello(), agent_);
    if (!hello) {
      close(to_status(hello.error()));
      return;
    }
    greeted_ = true;
    v1::ConnectResponse welcome;
    welcome.mutable_welcome()->set_epoch(context_.runtime.epoch());
    welcome.mutable_welcome()->set_heartbeat_interval_ms(context_.heartbeat_interval.count());
    welcome.mutable_welcome()->set_lease_ms(context_.lease.count());
    if (!context_.table.connect(shared_from_this(), std::move(hello).value(), std::move(welcome))) {
      close_busy();
    }
  }

  void report(const v1::ConnectRequest& message) {
    Result<core::Input> input = report_from_proto(message, agent_);
    if (!input) {  // not of our agents' making; closing would only make it be repeated
      context_.log.warning("report_ignored", {{"agent", agent_.value}, {"why", input.error().message}});
      return;
    }
    if (!context_.table.report(agent_, this, std::move(input).value())) {
      close_busy();
    }
  }

  void close_busy() {
    close({grpc::StatusCode::RESOURCE_EXHAUSTED, "the controller is busy; connect again in a moment"});
  }

  const AgentService::Context& context_;
  const AgentId agent_;
  bool greeted_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* AgentService::Join(grpc::CallbackServerContext* call, const v1::JoinRequest* request,
                                             v1::JoinResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  if (request->token().empty() || request->token().size() > kTokenBytesMax || request->name().size() > kNameBytesMax) {
    reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT,
                     "joining needs a token, and a name of at most " + std::to_string(kNameBytesMax) + " bytes"});
    return reactor;
  }
  const std::string credential = "lta_" + secure_random_hex(32);
  const Result<std::string> agent =
      context_.store.join(request->token(), credential, request->name(), context_.clock.now().wall_ms);
  if (!agent) {
    context_.log.warning("join_refused", {{"peer", call->peer()}, {"why", agent.error().message}});
    reactor->Finish(to_status(agent.error()));
    return reactor;
  }
  response->set_agent_id(agent.value());
  response->set_credential(credential);
  context_.log.info("agent_joined", {{"agent", agent.value()}, {"name", request->name()}});
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>* AgentService::Connect(
    grpc::CallbackServerContext* call) {
  Result<AgentId> agent = authenticate_agent(*call, context_.store);
  if (!agent) {
    return new RefusedStream<v1::ConnectRequest, v1::ConnectResponse>(to_status(agent.error()));
  }
  const auto stream = std::make_shared<AgentStream>(*call, context_, std::move(agent).value());
  stream->begin();
  return stream.get();
}

}  // namespace luthier::fleet
