// TestAgent: an agent's side of the wire, spoken by hand over real gRPC. Every call has a deadline, so that broken
// code ends a test instead of hanging it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "controller/fleet/convert.h"
#include "luthier/v1/agent.grpc.pb.h"
#include "luthier/v1/blob.grpc.pb.h"
#include "luthier/v1/inference.grpc.pb.h"
#include "luthier/v1/telemetry.grpc.pb.h"

namespace luthier::fleet {

constexpr std::chrono::seconds kPatience{30};

class ControlStream {
 public:
  ControlStream(v1::AgentService::Stub& stub, std::unique_ptr<grpc::ClientContext> context)
      : context_(std::move(context)), stream_(stub.Connect(context_.get())) {}

  bool say(const v1::ConnectRequest& message) { return stream_->Write(message); }
  // Nothing was said when the stream ended.
  v1::ConnectResponse hear() {
    v1::ConnectResponse message;
    if (!stream_->Read(&message)) {
      message.Clear();
    }
    return message;
  }
  // Reads what is left; how the stream ended.
  grpc::Status end() {
    v1::ConnectResponse ignored;
    while (stream_->Read(&ignored)) {
    }
    return stream_->Finish();
  }
  grpc::Status hang_up() {
    stream_->WritesDone();
    return end();
  }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
};

class TestAgent {
 public:
  explicit TestAgent(const std::string& address, std::string known_id = "", std::string known_credential = "")
      : id(std::move(known_id)),
        credential(std::move(known_credential)),
        channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        control(v1::AgentService::NewStub(channel_)),
        blobs(v1::BlobService::NewStub(channel_)),
        telemetry(v1::TelemetryService::NewStub(channel_)),
        inference(v1::InferenceService::NewStub(channel_)) {}

  grpc::Status join(const std::string& token) {
    v1::JoinRequest request;
    request.set_token(token);
    request.set_name("box");
    v1::JoinResponse response;
    const auto context = new_context();
    const grpc::Status status = control->Join(context.get(), request, &response);
    id = response.agent_id();
    credential = response.credential();
    return status;
  }

  [[nodiscard]] std::unique_ptr<grpc::ClientContext> new_context() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + kPatience);
    if (!credential.empty()) {
      context->AddMetadata("authorization", "Bearer " + credential);
    }
    return context;
  }

  [[nodiscard]] v1::ConnectRequest hello() const {
    v1::ConnectRequest message;
    message.mutable_hello()->set_agent_id(id);
    message.mutable_hello()->set_name("box");
    message.mutable_hello()->set_boot_id("boot");
    message.mutable_hello()->mutable_resources()->set_cpus(8);
    return message;
  }

  // A stream without a Hello yet.
  [[nodiscard]] ControlStream open() { return {*control, new_context()}; }
  // A stream that has been welcomed.
  [[nodiscard]] ControlStream connect() {
    ControlStream stream = open();
    stream.say(hello());
    stream.hear();
    return stream;
  }

  std::string id;
  std::string credential;

 private:
  std::shared_ptr<grpc::Channel> channel_;

 public:
  std::unique_ptr<v1::AgentService::Stub> control;
  std::unique_ptr<v1::BlobService::Stub> blobs;
  std::unique_ptr<v1::TelemetryService::Stub> telemetry;
  std::unique_ptr<v1::InferenceService::Stub> inference;
};

}  // namespace luthier::fleet
