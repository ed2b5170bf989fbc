// FakeController: the controller's gRPC services, scripted by a test, for a real luthier-agent. Keeps what agents say;
// acknowledges every report; can be stopped and started again on the same port.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "luthier/v1/agent.grpc.pb.h"
#include "luthier/v1/inference.grpc.pb.h"
#include "luthier/v1/telemetry.grpc.pb.h"

namespace luthier::agents {

class FakeController final : public v1::AgentService::Service, public v1::TelemetryService::Service {
 public:
  FakeController() { start(); }
  ~FakeController() override { stop(); }

  void start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(static_cast<v1::AgentService::Service*>(this));
    builder.RegisterService(static_cast<v1::TelemetryService::Service*>(this));
    server_ = builder.BuildAndStart();
    ++epoch_;
  }
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }  // while it is stopped; start() adds one
  void stop() {
    if (server_) {
      server_->Shutdown(std::chrono::system_clock::now());
      server_->Wait();
      server_.reset();
    }
  }
  [[nodiscard]] bool running() const { return server_ != nullptr; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Sends to the connected agent; dropped when none is.
  void send(const v1::ConnectResponse& message) {
    const std::lock_guard lock(mutex_);
    if (stream_ != nullptr) {
      stream_->Write(message);
    }
  }
  void start_command(const std::string& run, const std::string& command, const std::vector<int>& gpus = {}) {
    v1::ConnectResponse message;
    v1::StartAttempt& start = *message.mutable_start_attempt();
    start.set_epoch(epoch_);
    start.mutable_attempt()->set_run(run);
    start.mutable_attempt()->set_step("one");
    start.mutable_attempt()->set_number(1);
    start.set_uses("run");
    start.set_with_json("{\"command\":\"" + command + "\"}");
    start.set_cpus(1);
    start.mutable_gpus()->Add(gpus.begin(), gpus.end());
    send(message);
  }
  void stop_attempt(const std::string& run, v1::StopReason reason) {
    v1::ConnectResponse message;
    message.mutable_stop_attempt()->set_epoch(epoch_);
    message.mutable_stop_attempt()->mutable_attempt()->set_run(run);
    message.mutable_stop_attempt()->mutable_attempt()->set_step("one");
    message.mutable_stop_attempt()->mutable_attempt()->set_number(1);
    message.mutable_stop_attempt()->set_reason(reason);
    send(message);
  }

  // What agents said so far, oldest first.
  std::vector<v1::ConnectRequest> said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  std::string log(const std::string& run) const {
    const std::lock_guard lock(mutex_);
    const auto found = logs_.find(run);
    return found == logs_.end() ? "" : found->second;
  }
  // For streams from now on.
  void set_lease(std::int64_t lease_ms) {
    const std::lock_guard lock(mutex_);
    lease_ms_ = lease_ms;
  }
  void stop_acknowledging_heartbeats() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
  }
  int joins() const {
    const std::lock_guard lock(mutex_);
    return joins_;
  }
  std::uint64_t heartbeats() const {
    const std::lock_guard lock(mutex_);
    return heartbeats_;
  }

 private:
  grpc::Status Join(grpc::ServerContext*, const v1::JoinRequest* request, v1::JoinResponse* response) override {
    if (request->token() != "right") {
      return {grpc::StatusCode::UNAUTHENTICATED, "the join token is unknown or used up"};
    }
    const std::lock_guard lock(mutex_);
    ++joins_;
    response->set_agent_id("a-1");
    response->set_credential("secret");
    return grpc::Status::OK;
  }

  grpc::Status Connect(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<v1::ConnectResponse, v1::ConnectRequest>* stream) override {
    const auto metadata = context->client_metadata().find("authorization");
    if (metadata == context->client_metadata().end() || metadata->second != "Bearer secret") {
      return {grpc::StatusCode::UNAUTHENTICATED, "who are you"};
    }
    v1::ConnectRequest message;
    while (stream->Read(&message)) {
      const std::lock_guard lock(mutex_);
      v1::ConnectResponse answer;
      if (message.has_hello()) {
        stream_ = stream;
        answer.mutable_welcome()->set_epoch(epoch_);
        answer.mutable_welcome()->set_heartbeat_interval_ms(100);
        answer.mutable_welcome()->set_lease_ms(lease_ms_);
      } else if (message.has_heartbeat()) {
        ++heartbeats_;
        if (!silent_) {
          answer.mutable_heartbeat_acknowledged()->set_sequence(message.heartbeat().sequence());
          stream->Write(answer);
        }
        continue;
      } else {
        acknowledge(message, *answer.mutable_acknowledge());
      }
      said_.push_back(message);
      if (answer.has_welcome() || answer.acknowledge().report() != v1::ACKNOWLEDGED_REPORT_UNSPECIFIED) {
        stream->Write(answer);
      }
    }
    const std::lock_guard lock(mutex_);
    stream_ = stream_ == stream ? nullptr : stream_;
    return grpc::Status::OK;
  }

  static void acknowledge(const v1::ConnectRequest& message, v1::Acknowledge& answer) {
    if (message.has_attempt_started()) {
      *answer.mutable_attempt() = message.attempt_started().attempt();
      answer.set_report(v1::ACKNOWLEDGED_REPORT_STARTED);
    } else if (message.has_attempt_finished()) {
      *answer.mutable_attempt() = message.attempt_finished().attempt();
      answer.set_report(v1::ACKNOWLEDGED_REPORT_FINISHED);
    } else if (message.has_allocation_released()) {
      *answer.mutable_attempt() = message.allocation_released().attempt();
      answer.set_report(v1::ACKNOWLEDGED_REPORT_RELEASED);
    }
  }

  grpc::Status AppendLog(grpc::ServerContext*, const v1::AppendLogRequest* request,
                         v1::AppendLogResponse* response) override {
    const std::lock_guard lock(mutex_);
    std::string& log = logs_[request->attempt().run()];
    if (request->offset() == log.size()) {
      log += request->data();
    }
    response->set_next_offset(log.size());
    return grpc::Status::OK;
  }

  int port_ = 0;
  std::uint64_t epoch_ = 0;
  std::unique_ptr<grpc::Server> server_;
  mutable std::mutex mutex_;  // guards the members below
  grpc::ServerReaderWriter<v1::ConnectResponse, v1::ConnectRequest>* stream_ = nullptr;
  std::vector<v1::ConnectRequest> said_;
  std::map<std::string, std::string> logs_;
  int joins_ = 0;
  std::int64_t lease_ms_ = 10'000;
  bool silent_ = false;  // heartbeats are not acknowledged
  std::uint64_t heartbeats_ = 0;
};

}  // namespace luthier::agents
