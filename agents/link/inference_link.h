// InferenceLink: carries generation requests from the controller to the serving processes of this machine, and their
// tokens back. One stream to the controller; one connection and one thread for each serving attempt in use.
//
// A slow controller holds the serving process back through its socket, never another deployment's. When a process dies,
// each of its unfinished requests fails with `worker_lost`; when the stream breaks, each is cancelled.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "agents/core/input.h"
#include "agents/link/outbox.h"
#include "agents/link/session.h"
#include "base/log.h"
#include "luthier/v1/inference.grpc.pb.h"

namespace luthier::agents {

class ServeConnection;

class InferenceLink {
 public:
  // Where a serving attempt listens; nothing when it is not here. Called on the link's thread.
  using FindSocket = std::function<std::optional<std::filesystem::path>(const AttemptId&)>;
  InferenceLink(Session session, Log& log, FindSocket find_socket);
  ~InferenceLink();

  void start();
  void stop();  // safe to call twice

 private:
  using Queue = Outbox<v1::AttachRequest>;
  void run();
  bool attach_once();
  void generate(const v1::Generate& request, const std::shared_ptr<Queue>& queue);
  void cancel(std::uint64_t request_id);
  void forget_dead_connections();

  const Session session_;
  Log& log_;
  const FindSocket find_socket_;
  const std::unique_ptr<v1::InferenceService::Stub> stub_;
  Cancel stopping_;
  std::map<AttemptId, std::shared_ptr<ServeConnection>> connections_;  // of the link's thread
  std::thread thread_;
};

}  // namespace luthier::agents
