#include "agents/worker/device.h"
#include "agents/worker/serve/model_answerer.h"
#include "agents/worker/serve/server.h"
#include "agents/worker/verbs.h"

namespace luthier::worker {

Result<nlohmann::json> run_serve(const VerbContext& context) {
  if (context.serve_socket.empty()) {
    return Error{ErrorCode::kInvalidArgument, "LUTHIER_SERVE_SOCKET is not set: it says where to listen"};
  }
  LUTHIER_TRY(const at::Device device, prepare_device(context.job));
  LUTHIER_TRY(const at::ScalarType dtype, parse_dtype(context.job.with.value("dtype", std::string("float32"))));
  LUTHIER_TRY(const ModelValue value, parse_model_value(context.job.with.value("model", nlohmann::json()), "model"));
  LUTHIER_TRY(const LoadedModel model, load_model(value, dtype, device));
  ModelAnswerer answerer(model);
  LUTHIER_TRY(const auto server, Server::listen(context.serve_socket, answerer));
  LUTHIER_TRY_VOID(context.channel.ready());
  context.log.info("serving", {{"socket", context.serve_socket}, {"model", value.name}});
  LUTHIER_TRY_VOID(server->run([&] { return context.channel.stop_requested(); }));
  return nlohmann::json();
}

}  // namespace luthier::worker
