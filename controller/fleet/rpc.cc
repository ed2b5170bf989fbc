#include "controller/fleet/rpc.h"

#include <string>
#include <string_view>

namespace luthier::fleet {

namespace {

constexpr std::size_t kCredentialBytesMax = 512;

grpc::StatusCode to_status_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kAlreadyExists: return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::kFailedPrecondition: return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kPermissionDenied: return grpc::StatusCode::PERMISSION_DENIED;
    case ErrorCode::kUnauthenticated: return grpc::StatusCode::UNAUTHENTICATED;
    case ErrorCode::kResourceExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::kDeadlineExceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case ErrorCode::kCancelled: return grpc::StatusCode::CANCELLED;
    case ErrorCode::kDataLoss: return grpc::StatusCode::DATA_LOSS;
    case ErrorCode::kInternal: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

grpc::Status to_status(const Error& error) { return {to_status_code(error.code), error.message}; }

Result<AgentId> authenticate_agent(const grpc::CallbackServerContext& context, store::Store& store) {
  constexpr std::string_view kPrefix = "Bearer ";
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  const std::string_view header =
      found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
  if (!header.starts_with(kPrefix) || header.size() > kCredentialBytesMax) {
    return Error{ErrorCode::kUnauthenticated,
                 "this call needs the agent's credential as metadata 'authorization: Bearer CREDENTIAL'"};
  }
  LUTHIER_TRY(const store::Principal principal, store.authenticate(std::string(header.substr(kPrefix.size()))));
  if (principal.scope != store::Scope::kAgent) {
    return Error{ErrorCode::kPermissionDenied, "only agents may call this; '" + principal.name + "' is not one"};
  }
  return AgentId{principal.name};
}

}  // namespace luthier::fleet
