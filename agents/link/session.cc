#include "agents/link/session.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "luthier/v1/agent.grpc.pb.h"

namespace luthier::agents {
namespace {

using Json = nlohmann::json;

constexpr milliseconds kJoinDeadline{10'000};
constexpr int kMessageBytesMax = 64 << 20;
constexpr const char* kAgentFile = "agent.json";

Result<Session> read_session(const std::filesystem::path& path, const std::string& controller) {
  LUTHIER_TRY(const std::string text, read_file(path, 1 << 16));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.value("agent_id", Json()).is_string() ||
      !json.value("credential", Json()).is_string()) {
    return Error{ErrorCode::kDataLoss, path.string() + " is damaged; delete it and start with --join-token-file"};
  }
  return Session{controller, json.at("agent_id").get<std::string>(), json.at("credential").get<std::string>()};
}

Result<std::string> read_token(const std::filesystem::path& file) {
  if (file.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "this agent has not joined a controller yet; give it a token with --join-token-file FILE"};
  }
  LUTHIER_TRY(std::string token, read_file(file, 1 << 12));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) {
    token.pop_back();
  }
  if (token.empty()) {
    return Error{ErrorCode::kInvalidArgument, "the join token file " + file.string() + " is empty"};
  }
  return token;
}

}  // namespace

std::shared_ptr<grpc::Channel> open_channel(const std::string& controller) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);  // finds half-open connections
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  return grpc::CreateCustomChannel(controller, grpc::InsecureChannelCredentials(), arguments);
}

Error to_error(const grpc::Status& status) {
  using grpc::StatusCode;
  const ErrorCode code = [&] {
    switch (status.error_code()) {
      case StatusCode::INVALID_ARGUMENT:
      case StatusCode::OUT_OF_RANGE: return ErrorCode::kInvalidArgument;
      case StatusCode::NOT_FOUND: return ErrorCode::kNotFound;
      case StatusCode::ALREADY_EXISTS: return ErrorCode::kAlreadyExists;
      case StatusCode::FAILED_PRECONDITION:
      case StatusCode::ABORTED: return ErrorCode::kFailedPrecondition;
      case StatusCode::PERMISSION_DENIED: return ErrorCode::kPermissionDenied;
      case StatusCode::UNAUTHENTICATED: return ErrorCode::kUnauthenticated;
      case StatusCode::RESOURCE_EXHAUSTED: return ErrorCode::kResourceExhausted;
      case StatusCode::UNAVAILABLE: return ErrorCode::kUnavailable;
      case StatusCode::DEADLINE_EXCEEDED: return ErrorCode::kDeadlineExceeded;
      case StatusCode::CANCELLED: return ErrorCode::kCancelled;
      case StatusCode::DATA_LOSS: return ErrorCode::kDataLoss;
      default: return ErrorCode::kInternal;
    }
  }();
  return Error{code, "controller: " + status.error_message()};
}

Call::Call(const Session& session, milliseconds deadline, const Cancel& cancel)
    : context_(std::make_shared<grpc::ClientContext>()),
      on_cancel_(cancel, [context = context_] { context->TryCancel(); }) {
  if (!session.credential.empty()) {
    context_->AddMetadata("authorization", "Bearer " + session.credential);
  }
  if (deadline.count() > 0) {
    context_->set_deadline(std::chrono::system_clock::now() + deadline);
  }
}

Result<Session> join_or_load(const std::filesystem::path& data, const std::string& controller, const std::string& name,
                             const std::filesystem::path& join_token_file, const Cancel& cancel) {
  const std::filesystem::path file = data / kAgentFile;
  if (std::filesystem::exists(file)) {
    return read_session(file, controller);
  }
  v1::JoinRequest request;
  LUTHIER_TRY(*request.mutable_token(), read_token(join_token_file));
  request.set_name(name);
  const auto stub = v1::AgentService::NewStub(open_channel(controller));
  LUTHIER_TRY(const v1::JoinResponse response, retry(cancel, [&]() -> Result<v1::JoinResponse> {
                Call call(Session{}, kJoinDeadline, cancel);
                v1::JoinResponse answer;
                const grpc::Status status = stub->Join(call.context(), request, &answer);
                if (!status.ok()) {
                  return to_error(status).with("joining " + controller);
                }
                return answer;
              }));
  const Json json{{"agent_id", response.agent_id()}, {"credential", response.credential()}};
  LUTHIER_TRY_VOID(write_file_atomically(file, json.dump(), 0600));
  return Session{controller, response.agent_id(), response.credential()};
}

}  // namespace luthier::agents
