// InferenceService: one stream per agent between the agent and the InferenceRouter.
#pragma once

#include "base/log.h"
#include "controller/inference.h"
#include "controller/store/store.h"
#include "luthier/v1/inference.grpc.pb.h"

namespace luthier::fleet {

class InferenceService final : public v1::InferenceService::CallbackService {
 public:
  InferenceService(controller::InferenceRouter& router, store::Store& store, Log& log)
      : router_(router), store_(store), log_(log) {}

  grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* Attach(grpc::CallbackServerContext* call) override;

 private:
  controller::InferenceRouter& router_;
  store::Store& store_;
  Log& log_;
};

}  // namespace luthier::fleet
