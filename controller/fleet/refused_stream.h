// RefusedStream: a bidirectional call that ends at once with a status. Deletes itself when gRPC is done with it.
#pragma once

#include <grpcpp/support/server_callback.h>

namespace luthier::fleet {

template <class Request, class Response>
class RefusedStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit RefusedStream(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace luthier::fleet
